package main

import (
	"cmp"
	"crypto/ed25519"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	pb "creditbureau/interop/gen/creditbureau/v1"
)

// subjectKeys are the keys that statements bind to subjects, by subject and key id. A key counts
// after the leaf Start, up to the leaf End of the rotation that it signed.
type subjectKeys map[string]map[string]LoggedKey

// signedMessage is a message that a subject signs.
type signedMessage interface {
	proto.Message
	GetHeader() *pb.Header
}

// docs: begin keys

// bindKeys returns the keys of subjects: attested by members, or rotated by the subject.
func bindKeys(statements []*pb.LoggedStatement, members map[string][]LoggedKey, trust Trust) (subjectKeys, error) {
	bound, last := subjectKeys{}, int64(-1)
	for _, logged := range statements {
		if logged.GetReceipt().GetLeafIndex() <= last {
			return nil, refuse("BAD_PROOF", "the statements about keys are not in order of the log")
		}
		last = logged.Receipt.LeafIndex
		bind := bound.attest
		if logged.Envelope.GetPayloadType() == payloadType(new(pb.KeyRotation)) {
			bind = bound.rotate
		}
		if err := bind(logged, members, trust); err != nil {
			return nil, err
		}
	}
	return bound, nil
}

// open verifies a subject's statement: logged as a kind, under a key that counts at its leaf.
func (bound subjectKeys) open(logged *pb.LoggedStatement, kind, subject string, message signedMessage, trust Trust) (LoggedKey, error) {
	if err := peek(logged.GetEnvelope(), message); err != nil {
		return LoggedKey{}, err
	}
	if _, err := verifyReceipt(logged.Receipt, logged.Envelope, kind, trust); err != nil {
		return LoggedKey{}, err
	}
	index, counting := logged.Receipt.LeafIndex, map[string]ed25519.PublicKey{}
	for id, held := range bound[subject] {
		if held.Start < index && index <= held.End {
			counting[id] = held.Key
		}
	}
	key, err := open(logged.Envelope, message, counting)
	if err != nil {
		return LoggedKey{}, err
	}
	if !signedBy(message.GetHeader(), "subjects/"+subject, trust) {
		return LoggedKey{}, refuse("BAD_PROOF", "the statement is another's, or for another bureau")
	}
	return bound[subject][keyID(key)], nil
}

// docs: end keys

// attest binds a key that a member attested.
func (bound subjectKeys) attest(logged *pb.LoggedStatement, members map[string][]LoggedKey, trust Trust) error {
	attestation := new(pb.KeyAttestation)
	if _, err := openByMember(logged, "attestation", attestation, members, trust); err != nil {
		return err
	}
	return bound.bind(attestation.Binding, "", logged.Receipt.LeafIndex, trust)
}

// rotate ends the key that signs a rotation, and binds the next one.
func (bound subjectKeys) rotate(logged *pb.LoggedStatement, _ map[string][]LoggedKey, trust Trust) error {
	rotation := new(pb.KeyRotation)
	if err := peek(logged.Envelope, rotation); err != nil {
		return err
	}
	subject := strings.TrimPrefix(rotation.Header.GetSigner(), "subjects/")
	present, err := bound.open(logged, "key-rotation", subject, rotation, trust)
	if err != nil {
		return err
	}
	present.End = logged.Receipt.LeafIndex
	bound[subject][keyID(present.Key)] = present
	return bound.bind(rotation.Binding, subject, present.End, trust)
}

// bind adds the key of a binding, which that key signed; of any subject, if none is named.
func (bound subjectKeys) bind(envelope *pb.Envelope, subject string, index int64, trust Trust) error {
	binding := new(pb.KeyBinding)
	if err := peek(envelope, binding); err != nil {
		return err
	}
	key, err := publicKey(binding.PublicKey)
	if err != nil {
		return err
	}
	if _, err := open(envelope, binding, only(key)); err != nil {
		return err
	}
	if !signedBy(binding.Header, "subjects/"+binding.SubjectId, trust) || subject != "" && subject != binding.SubjectId {
		return refuse("BAD_PROOF", "the binding is another subject's")
	}
	if bound[binding.SubjectId] == nil {
		bound[binding.SubjectId] = map[string]LoggedKey{}
	}
	// A second attester's statement leaves the key as the first one bound it.
	if _, known := bound[binding.SubjectId][keyID(key)]; !known {
		bound[binding.SubjectId][keyID(key)] = LoggedKey{key, index, still}
	}
	return nil
}

// openByMember verifies a member's statement: logged as a kind, under a key that counts at its
// leaf. It returns the key.
func openByMember(logged *pb.LoggedStatement, kind string, message signedMessage, members map[string][]LoggedKey, trust Trust) (ed25519.PublicKey, error) {
	if err := peek(logged.GetEnvelope(), message); err != nil {
		return nil, err
	}
	if _, err := verifyReceipt(logged.Receipt, logged.Envelope, kind, trust); err != nil {
		return nil, err
	}
	signer, index := message.GetHeader().GetSigner(), logged.Receipt.LeafIndex
	counting := map[string]ed25519.PublicKey{}
	for _, held := range members[strings.TrimPrefix(signer, "members/")] {
		if held.Start <= index && index < held.End {
			counting[keyID(held.Key)] = held.Key
		}
	}
	key, err := open(logged.Envelope, message, counting)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(signer, "members/") || !signedBy(message.GetHeader(), signer, trust) {
		return nil, refuse("BAD_PROOF", "the statement is not a member's, or for another bureau")
	}
	return key, nil
}

// docs: begin consents

// verifyConsents checks the consents of one reply, which are the caller's, and returns by consent
// id the state that the signed changes of each lead to: ACTIVE, PAUSED, REVOKED or REPLACED.
func verifyConsents(reply *pb.ListConsentsResponse, caller string, members map[string][]LoggedKey, trust Trust) (map[string]pb.ConsentState, error) {
	bound, err := bindKeys(reply.Keys, members, trust)
	if err != nil {
		return nil, err
	}
	states, replaced := map[string]pb.ConsentState{}, []string{}
	for _, view := range reply.Consents {
		// 1. The subject signed the consent, for this caller or as this caller.
		consent := new(pb.Consent)
		if err := peek(view.Consent, consent); err != nil {
			return nil, err
		}
		granted := &pb.LoggedStatement{Envelope: view.Consent, Receipt: view.Receipt}
		key, err := bound.open(granted, "consent", consent.SubjectId, consent, trust)
		if err != nil {
			return nil, err
		}
		if caller != "subjects/"+consent.SubjectId && caller != "members/"+consent.Grantee {
			return nil, refuse("WRONG_ANSWER", "the consent is not the caller's")
		}
		if consent.Header.RequestId != view.ConsentId || view.UseCount < 0 {
			return nil, refuse("WRONG_ANSWER", "the consent is shown under another id, or with uses below zero")
		}
		// 2. The changes follow the consent, each from a state in which it is possible.
		var changes []consentChange
		for _, logged := range view.Changes {
			change, err := readChange(logged, consent, key, bound, members, trust)
			if err != nil {
				return nil, err
			}
			changes = append(changes, change)
		}
		for _, erased := range view.ErasedChanges {
			changes = append(changes, consentChange{erased.LeafIndex, erased.LogTime.AsTime(), erased.Transition})
		}
		start := consentChange{leafIndex: view.Receipt.LeafIndex, time: view.Receipt.LogTime.AsTime()}
		state, err := stateAfter(start, changes)
		if err != nil {
			return nil, err
		}
		// 3. The bureau shows a state that the signed one allows.
		if !slices.Contains(statesShown(state, consent, view.UseCount, changes), view.State) {
			return nil, refuse("WRONG_ANSWER", "the consent is shown as %v, its statements make it %v", view.State, state)
		}
		states[view.ConsentId] = state
		replaced = append(replaced, consent.Replaces)
	}
	// 4. Each consent that another one of the reply replaces is shown as such.
	for _, id := range replaced {
		if state, shown := states[id]; shown && state != superseded {
			return nil, refuse("BAD_PROOF", "a replaced consent is shown without the newer one")
		}
	}
	return states, nil
}

// docs: end consents

// consentChange is a change of a consent, and its leaf.
type consentChange struct {
	leafIndex  int64
	time       time.Time
	transition pb.ConsentTransition
}

const (
	active  = pb.ConsentState_CONSENT_STATE_ACTIVE
	paused  = pb.ConsentState_CONSENT_STATE_PAUSED
	expired = pb.ConsentState_CONSENT_STATE_EXPIRED
	revoked = pb.ConsentState_CONSENT_STATE_REVOKED
	// superseded is the state of a consent that a newer one replaced.
	superseded = pb.ConsentState_CONSENT_STATE_REPLACED
)

// shownAs has the states that the bureau may show where the statements lead to a state: the time
// and the uses end a consent without a statement.
var shownAs = map[pb.ConsentState][]pb.ConsentState{
	active: {
		active, expired,
		pb.ConsentState_CONSENT_STATE_PENDING, pb.ConsentState_CONSENT_STATE_EXHAUSTED,
	},
	paused:     {paused, expired},
	revoked:    {revoked},
	superseded: {superseded},
}

// statesShown returns the states that the bureau may show of a consent. One that had ended before
// its final change keeps the state in which it ended.
func statesShown(state pb.ConsentState, consent *pb.Consent, uses int64, changes []consentChange) []pb.ConsentState {
	if state != revoked && state != superseded {
		return shownAs[state]
	}
	late := !changes[len(changes)-1].time.Before(consent.ExpireTime.AsTime())
	if late || consent.MaxUses > 0 && uses >= int64(consent.MaxUses) {
		return []pb.ConsentState{state, expired, pb.ConsentState_CONSENT_STATE_EXHAUSTED}
	}
	return shownAs[state]
}

// readChange verifies a change of a consent. A repudiation of the consent's key revokes it, and a
// newer consent replaces it.
func readChange(logged *pb.LoggedStatement, consent *pb.Consent, key LoggedKey, bound subjectKeys, members map[string][]LoggedKey, trust Trust) (consentChange, error) {
	subject := consent.SubjectId
	transition := pb.ConsentTransition_CONSENT_TRANSITION_REVOKE
	switch logged.GetEnvelope().GetPayloadType() {
	case payloadType(new(pb.KeyRepudiation)):
		if err := verifyRepudiation(logged, subject, key, bound, members, trust); err != nil {
			return consentChange{}, err
		}
	case payloadType(new(pb.Consent)):
		newer := new(pb.Consent)
		if _, err := bound.open(logged, "consent", subject, newer, trust); err != nil {
			return consentChange{}, err
		}
		arrangement := cmp.Or(consent.ArrangementId, consent.Header.RequestId)
		if newer.Replaces != consent.Header.RequestId || newer.Grantee != consent.Grantee || newer.SubjectId != subject || newer.ArrangementId != arrangement {
			return consentChange{}, refuse("BAD_PROOF", "the newer consent replaces another one")
		}
		transition = pb.ConsentTransition_CONSENT_TRANSITION_REPLACE
	default:
		change := new(pb.ConsentChange)
		if _, err := bound.open(logged, "consent-change", subject, change, trust); err != nil {
			return consentChange{}, err
		}
		if change.ConsentId != consent.Header.RequestId || change.Transition == pb.ConsentTransition_CONSENT_TRANSITION_REPLACE {
			return consentChange{}, refuse("BAD_PROOF", "the change is another consent's, or no change")
		}
		transition = change.Transition
	}
	return consentChange{logged.Receipt.LeafIndex, logged.Receipt.LogTime.AsTime(), transition}, nil
}

// verifyRepudiation checks the repudiation of the key that signed a consent, or of one before it:
// by a member, or by the subject with a key that was bound earlier.
func verifyRepudiation(logged *pb.LoggedStatement, subject string, key LoggedKey, bound subjectKeys, members map[string][]LoggedKey, trust Trust) error {
	repudiation := new(pb.KeyRepudiation)
	if err := peek(logged.Envelope, repudiation); err != nil {
		return err
	}
	named, known := bound[subject][repudiation.KeyId]
	if !known || named.Start > key.Start || repudiation.SubjectId != subject {
		return refuse("BAD_PROOF", "the repudiation does not name the consent's key")
	}
	if strings.HasPrefix(repudiation.Header.GetSigner(), "members/") {
		_, err := openByMember(logged, "key-repudiation", repudiation, members, trust)
		return err
	}
	signing, err := bound.open(logged, "key-repudiation", subject, repudiation, trust)
	if err == nil && signing.Start >= named.Start {
		err = refuse("BAD_PROOF", "the repudiation is signed with a later key")
	}
	return err
}

// stateAfter returns the state of a consent after its changes, in order of the log.
func stateAfter(last consentChange, changes []consentChange) (pb.ConsentState, error) {
	slices.SortStableFunc(changes, func(one, other consentChange) int {
		return cmp.Compare(one.leafIndex, other.leafIndex)
	})
	state := active
	for _, change := range changes {
		if change.leafIndex <= last.leafIndex || change.time.Before(last.time) {
			return state, refuse("BAD_PROOF", "a change comes before the consent, or twice")
		}
		last = change
		switch {
		case state == active && change.transition == pb.ConsentTransition_CONSENT_TRANSITION_PAUSE:
			state = paused
		case state == paused && change.transition == pb.ConsentTransition_CONSENT_TRANSITION_RESUME:
			state = active
		case (state == active || state == paused) && change.transition == pb.ConsentTransition_CONSENT_TRANSITION_REVOKE:
			state = revoked
		case (state == active || state == paused) && change.transition == pb.ConsentTransition_CONSENT_TRANSITION_REPLACE:
			state = superseded
		default:
			return state, refuse("BAD_PROOF", "a change is missing, or is no change")
		}
	}
	return state, nil
}
