package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"slices"
	"sort"
	"strings"

	"google.golang.org/protobuf/proto"

	pb "creditbureau/interop/gen/creditbureau/v1"
)

const still = int64(1) << 62

// LoggedKey is a key, and the log indices between which its signatures count.
type LoggedKey struct {
	Key   ed25519.PublicKey
	Start int64
	End   int64
}

// register is what the statements so far, in order of the log, have made of members.
type register struct {
	trust     Trust
	root      ed25519.PublicKey
	keys      map[string]map[string]LoggedKey
	operators map[string]bool
}

// statement is what the three messages about a member have in common.
type statement interface {
	proto.Message
	GetHeader() *pb.Header
	GetMemberId() string
}

// loggedKeys returns the keys that members show, by member id, each proved by the log
// from the operator's pinned key on.
func loggedKeys(members []*pb.Member, trust Trust) (map[string][]LoggedKey, error) {
	raw, err := hex.DecodeString(trust.OperatorKey)
	if err != nil {
		return nil, err
	}
	root, err := publicKey(raw)
	if err != nil {
		return nil, err
	}
	known := &register{trust, root, map[string]map[string]LoggedKey{}, map[string]bool{}}
	type about struct {
		member string
		logged *pb.LoggedStatement
	}
	var all []about
	for _, member := range members {
		for _, logged := range member.Statements {
			all = append(all, about{member.MemberId, logged})
		}
	}
	sort.SliceStable(all, func(one, other int) bool {
		return all[one].logged.Receipt.GetLeafIndex() < all[other].logged.Receipt.GetLeafIndex()
	})
	for _, at := range all {
		if err := known.enter(at.logged, at.member); err != nil {
			return nil, err
		}
	}
	shown := map[string][]LoggedKey{}
	for _, member := range members {
		if shown[member.MemberId], err = known.shown(member); err != nil {
			return nil, err
		}
	}
	return shown, nil
}

// enter takes in the next statement about a member.
func (known *register) enter(logged *pb.LoggedStatement, memberID string) error {
	var message statement
	var kind string
	switch logged.Envelope.GetPayloadType() {
	case payloadType(&pb.Admission{}):
		message, kind = &pb.Admission{}, "admission"
	case payloadType(&pb.MemberChange{}):
		message, kind = &pb.MemberChange{}, "member-change"
	case payloadType(&pb.CredentialChange{}):
		message, kind = &pb.CredentialChange{}, "credential"
	default:
		return nil // Other statements register no keys.
	}
	// 1. It is in the log, as what it is.
	if _, err := verifyReceipt(logged.Receipt, logged.Envelope, kind, known.trust); err != nil {
		return err
	}
	// 2. Somebody entitled signed it, with a key that counted.
	if err := peek(logged.Envelope, message); err != nil {
		return err
	}
	signer := strings.TrimPrefix(message.GetHeader().GetSigner(), "members/")
	key, err := open(logged.Envelope, message, known.inForce(signer))
	if err != nil {
		return err
	}
	if message.GetHeader().GetAudience() != known.trust.Origin || message.GetMemberId() != memberID {
		return refuse("BAD_PROOF", "a statement about something else than %s", memberID)
	}
	change, isChange := message.(*pb.CredentialChange)
	own := isChange && signer == memberID
	if !own && !known.operators[signer] && !key.Equal(known.root) {
		return refuse("BAD_PROOF", "%s is no operator", signer)
	}
	// 3. What it says holds from here on.
	index := logged.Receipt.LeafIndex
	var proofs []*pb.Envelope
	switch said := message.(type) {
	case *pb.Admission:
		known.operators[memberID] = slices.Contains(said.Roles, pb.Role_ROLE_OPERATOR)
		proofs = said.Keys
	case *pb.MemberChange:
		known.operators[memberID] = slices.Contains(said.Roles, pb.Role_ROLE_OPERATOR)
	case *pb.CredentialChange:
		if added := said.GetAddKey(); added != nil {
			proofs = []*pb.Envelope{added}
		}
	}
	for _, proof := range proofs {
		if err := known.add(proof, memberID, index); err != nil {
			return err
		}
	}
	if held, there := known.keys[memberID][change.GetWithdrawKey()]; there {
		held.End = index
		known.keys[memberID][change.GetWithdrawKey()] = held
	}
	return nil
}

// add registers a key that comes with a proof of possession: signed with itself.
func (known *register) add(proof *pb.Envelope, memberID string, index int64) error {
	message := new(pb.KeyPossession)
	if err := peek(proof, message); err != nil {
		return err
	}
	key, err := publicKey(message.PublicKey)
	if err != nil {
		return err
	}
	if _, err := open(proof, message, map[string]ed25519.PublicKey{keyID(key): key}); err != nil {
		return err
	}
	if message.Header.GetSigner() != "members/"+memberID || message.Header.GetAudience() != known.trust.Origin {
		return refuse("BAD_PROOF", "a key of %s comes with another's proof of possession", memberID)
	}
	if known.keys[memberID] == nil {
		known.keys[memberID] = map[string]LoggedKey{}
	}
	known.keys[memberID][keyID(key)] = LoggedKey{key, index, still}
	return nil
}

// inForce returns a signer's keys, and the pinned one while nobody has withdrawn it.
func (known *register) inForce(signer string) map[string]ed25519.PublicKey {
	found := map[string]ed25519.PublicKey{keyID(known.root): known.root}
	for _, keys := range known.keys {
		if held, there := keys[keyID(known.root)]; there && held.End != still {
			delete(found, keyID(known.root))
		}
	}
	for name, held := range known.keys[signer] {
		if held.End == still {
			found[name] = held.Key
		}
	}
	return found
}

// shown returns the keys that a member shows, with when they count.
func (known *register) shown(member *pb.Member) ([]LoggedKey, error) {
	found := []LoggedKey{}
	for _, told := range member.Keys {
		key, err := publicKey(told.PublicKey)
		if err != nil {
			return nil, err
		}
		held, there := known.keys[member.MemberId][keyID(key)]
		if !there || keyID(key) != told.KeyId || told.ValidFromIndex < held.Start {
			return nil, refuse("BAD_PROOF", "no logged statement registers key %s as shown", told.KeyId)
		}
		end := held.End
		if told.ValidToIndex != 0 {
			end = min(end, told.ValidToIndex)
		}
		found = append(found, LoggedKey{key, told.ValidFromIndex, end})
	}
	return found, nil
}
