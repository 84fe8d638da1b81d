package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/oprf"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	pb "creditbureau/interop/gen/creditbureau/v1"
)

// vector is one vector of a file: each check reads the fields of its own.
type vector struct {
	Name   string `json:"name"`
	Check  string `json:"check"`
	Valid  *bool  `json:"valid"`
	Reason string `json:"reason"`
	raw    json.RawMessage
}

// checks has one function for each file. It returns nil where the vector holds, and a
// *mismatch where a computed value differs, which no vector expects.
var checks = map[string]func(vector) error{
	"bindings":         checkBinding,
	"canonical":        checkCanonical,
	"consent_requests": checkRequests,
	"consents":         checkConsents,
	"envelopes":        checkEnvelope,
	"errors":           checkError,
	"evidence":         checkEvidence,
	"identifiers":      checkIdentifier,
	"keys":             checkKey,
	"leaves":           checkLeaf,
	"members":          checkMembers,
	"notes":            checkNote,
	"payload_types":    checkPayloadType,
	"profiles":         checkProfile,
	"receipts":         checkReceipt,
	"reports":          checkReport,
	"signatures":       checkSignature,
	"subject_ids":      checkSubjectID,
	"submissions":      checkSubmission,
	"trees":            checkTree,
}

type mismatch struct{ text string }

func (wrong *mismatch) Error() string { return wrong.text }

func same(name string, found, wanted any) error {
	if !reflect.DeepEqual(found, wanted) {
		return &mismatch{fmt.Sprintf("%s is %v, not %v", name, found, wanted)}
	}
	return nil
}

// checkVectors checks every vector of every file of a folder.
func checkVectors(folder string) error {
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return err
	}
	var names []string
	total, wrong := 0, 0
	for _, path := range paths {
		name := filepath.Base(path[:len(path)-len(".json")])
		names = append(names, name)
		check, known := checks[name]
		if !known {
			return fmt.Errorf("%s has no check", path)
		}
		vectors, err := readVectors(path)
		if err != nil {
			return err
		}
		for _, at := range vectors {
			total++
			if err := at.judge(check(at)); err != nil {
				wrong++
				fmt.Fprintf(os.Stderr, "%s: %s: %v\n", name, at.Name, err)
			}
		}
	}
	if len(names) != len(checks) {
		return fmt.Errorf("%s has the files %v; there are checks for %d", folder, names, len(checks))
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d vectors do not hold", wrong, total)
	}
	fmt.Println("checked", total, "vectors in", len(names), "files")
	return nil
}

func readVectors(path string) ([]vector, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Vectors []json.RawMessage `json:"vectors"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	found := make([]vector, len(file.Vectors))
	for place, raw := range file.Vectors {
		if err := json.Unmarshal(raw, &found[place]); err != nil {
			return nil, err
		}
		found[place].raw = raw
	}
	return found, nil
}

// judge compares what a check says with what the vector says.
func (at vector) judge(err error) error {
	var wrong *mismatch
	if errors.As(err, &wrong) {
		return err
	}
	if at.Valid == nil || *at.Valid {
		return err
	}
	if err == nil {
		return errors.New("holds, and must not")
	}
	var refusal *Refusal
	if at.Reason != "" && (!errors.As(err, &refusal) || refusal.Reason != at.Reason) {
		return fmt.Errorf("refused with %v, not %s", err, at.Reason)
	}
	return nil
}

func (at vector) read(into any) {
	if err := json.Unmarshal(at.raw, into); err != nil {
		panic(fmt.Sprintf("%s: %v", at.Name, err))
	}
}

// hexBytes are bytes that a vector spells in hex.
type hexBytes []byte

func (data *hexBytes) UnmarshalText(text []byte) (err error) {
	*data, err = hex.DecodeString(string(text))
	return err
}

func plain(parts []hexBytes) [][]byte {
	found := make([][]byte, len(parts))
	for place, part := range parts {
		found[place] = part
	}
	return found
}

func unhex(text string) []byte {
	data, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return data
}

// parsed reads a message that a vector carries; what is malformed is a fault of the file.
func parsed[Message proto.Message](data []byte, message Message) Message {
	if err := proto.Unmarshal(data, message); err != nil {
		panic(err)
	}
	return message
}

func newMessage(name string) proto.Message {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName("creditbureau.v1." + name))
	if err != nil {
		panic(err)
	}
	return kind.New().Interface()
}

func checkPayloadType(at vector) error {
	var told struct {
		PayloadType string `json:"payload_type"`
	}
	at.read(&told)
	return same("the payload type", payloadType(newMessage(at.Name)), told.PayloadType)
}

func checkCanonical(at vector) error {
	var told struct {
		Message string
		Data    hexBytes
	}
	at.read(&told)
	return parseCanonical(told.Data, newMessage(told.Message))
}

func checkKey(at vector) error {
	var told struct {
		Seed, SPKI  hexBytes
		PublicKey   hexBytes `json:"public_key"`
		KeyID       string   `json:"key_id"`
		VerifierKey string   `json:"verifier_key"`
		PEM         string
	}
	at.read(&told)
	key, err := publicKey(told.PublicKey)
	if err != nil {
		return err
	}
	own, err := signingKey([]byte(told.PEM))
	if err != nil {
		return err
	}
	if _, err := verifierKey(told.VerifierKey); err != nil {
		return err
	}
	return firstOf(
		same("the key in PEM", own, ed25519.NewKeyFromSeed(told.Seed)),
		same("the public key", own.Public(), any(key)),
		same("the SubjectPublicKeyInfo", spki(key), []byte(told.SPKI)),
		same("the key id", keyID(key), told.KeyID),
		same("the key in the verifier key", rawOf(told.VerifierKey), []byte(key)),
	)
}

func checkSignature(at vector) error {
	var told struct {
		PublicKey          hexBytes `json:"public_key"`
		Message, Signature hexBytes
	}
	at.read(&told)
	key, err := publicKey(told.PublicKey)
	if err == nil && !ed25519.Verify(key, told.Message, told.Signature) {
		err = refuse("BAD_SIGNATURE", "the signature does not verify")
	}
	return err
}

func checkEnvelope(at vector) error {
	var told struct {
		Message               string
		Envelope, PAE, Digest hexBytes
		PublicKeys            []string `json:"public_keys"`
		Seed                  hexBytes
	}
	at.read(&told)
	envelope, message := parsed(told.Envelope, new(pb.Envelope)), newMessage(told.Message)
	err := firstOf(
		same("the bytes that are signed", pae(envelope.PayloadType, envelope.Payload), []byte(told.PAE)),
		same("the digest", digest(envelope), []byte(told.Digest)),
	)
	if err != nil {
		return err
	}
	if _, err := open(envelope, message, pinned(told.PublicKeys)); err != nil {
		return err
	}
	if told.Seed == nil {
		return nil
	}
	sealed := seal(message, ed25519.NewKeyFromSeed(told.Seed))
	return same("what signing gives", canonical(sealed), []byte(told.Envelope))
}

func checkTree(at vector) error {
	var told struct {
		Entries       []hexBytes
		Root          hexBytes
		LeafHash      hexBytes `json:"leaf_hash"`
		Index, Size   int64
		Proof         []hexBytes
		First, Second int64
		FirstRoot     hexBytes `json:"first_root"`
		SecondRoot    hexBytes `json:"second_root"`
	}
	at.read(&told)
	switch at.Check {
	case "root":
		return same("the root", rootOf(plain(told.Entries)), []byte(told.Root))
	case "inclusion":
		return verifyInclusion(told.LeafHash, told.Index, told.Size, plain(told.Proof), told.Root)
	}
	return verifyConsistency(told.First, told.Second, told.FirstRoot, told.SecondRoot, plain(told.Proof))
}

func checkSubmission(at vector) error {
	var told struct {
		Records         []hexBytes
		Batch, Manifest hexBytes
		PublicKey       string `json:"public_key"`
	}
	at.read(&told)
	manifest := new(pb.SubmissionManifest)
	envelope := parsed(told.Manifest, new(pb.Envelope))
	if _, err := open(envelope, manifest, pinned([]string{told.PublicKey})); err != nil {
		return err
	}
	records := plain(told.Records)
	batch := canonical(&pb.RecordBatch{Records: records})
	return firstOf(same("the batch", batch, []byte(told.Batch)), verifyBatch(records, manifest))
}

func checkNote(at vector) error {
	var told struct {
		VerifierKey string `json:"verifier_key"`
		Note        string
		Origin      string
		Size        int64
		Root        hexBytes
		Witnesses   []string
		Cosigners   []string
	}
	at.read(&told)
	switch at.Check {
	case "verifier_key":
		// A key is a log's or a witness's; its type says which.
		_, err := verifierKey(told.VerifierKey)
		if err != nil {
			_, err = witnessKey(told.VerifierKey)
		}
		return err
	case "checkpoint":
		found, err := openCheckpoint(told.Note, told.Origin, told.VerifierKey)
		if err != nil || told.Root == nil {
			return err
		}
		return firstOf(same("the size", found.Size, told.Size), same("the root", found.Root, []byte(told.Root)))
	}
	names, err := cosigners(told.Note, told.Witnesses)
	return firstOf(err, same("the cosigners", names, told.Cosigners))
}

func checkLeaf(at vector) error {
	var told struct {
		Kind           string
		EnvelopeDigest hexBytes `json:"envelope_digest"`
		AnswerDigest   hexBytes `json:"answer_digest"`
		TimeUS         int64    `json:"time_us"`
		Salt           hexBytes
		Text           string
		Commitment     hexBytes
		LeafHash       hexBytes `json:"leaf_hash"`
	}
	at.read(&told)
	text := leafText(told.Kind, told.EnvelopeDigest, told.AnswerDigest, told.TimeUS)
	entry := commitment(text, told.Salt)
	return firstOf(
		same("the text", text, told.Text),
		same("the commitment", entry, []byte(told.Commitment)),
		same("the leaf hash", hasher.HashLeaf(entry), []byte(told.LeafHash)),
	)
}

func checkReceipt(at vector) error {
	var told struct {
		Receipt, Envelope hexBytes
		Kind, Text        string
		EnvelopeDigest    hexBytes `json:"envelope_digest"`
		Trust             Trust
	}
	at.read(&told)
	if at.Check == "text" {
		return verifyTextReceipt(told.Text, told.EnvelopeDigest, told.Trust)
	}
	receipt, envelope := parsed(told.Receipt, new(pb.Receipt)), parsed(told.Envelope, new(pb.Envelope))
	_, err := verifyReceipt(receipt, envelope, told.Kind, told.Trust)
	return err
}

func membersOf(parts []hexBytes) []*pb.Member {
	found := make([]*pb.Member, len(parts))
	for place, data := range parts {
		found[place] = parsed(data, new(pb.Member))
	}
	return found
}

func checkMembers(at vector) error {
	type shown struct {
		KeyID string `json:"key_id"`
		From  int64
		To    int64
	}
	var told struct {
		Members []hexBytes
		Trust   Trust
		Keys    map[string][]shown
	}
	at.read(&told)
	keys, err := loggedKeys(membersOf(told.Members), told.Trust)
	if err != nil || told.Keys == nil {
		return err
	}
	found := map[string][]shown{}
	for member, held := range keys {
		for _, one := range held {
			if one.End == still {
				one.End = 0
			}
			found[member] = append(found[member], shown{keyID(one.Key), one.Start, one.End})
		}
	}
	return same("the keys", found, told.Keys)
}

func checkConsents(at vector) error {
	var told struct {
		Reply   hexBytes
		Caller  string
		Members []hexBytes
		Trust   Trust
		States  map[string]pb.ConsentState
	}
	at.read(&told)
	keys, err := loggedKeys(membersOf(told.Members), told.Trust)
	if err != nil {
		return &mismatch{err.Error()} // Every vector's members hold.
	}
	states, err := verifyConsents(parsed(told.Reply, new(pb.ListConsentsResponse)), told.Caller, keys, told.Trust)
	if err != nil || told.States == nil {
		return err
	}
	return same("the states", states, told.States)
}

func checkRequests(at vector) error {
	var told struct {
		Reply   hexBytes
		Caller  string
		Members []hexBytes
		Trust   Trust
		States  map[string]pb.ConsentRequestState
	}
	at.read(&told)
	keys, err := loggedKeys(membersOf(told.Members), told.Trust)
	if err != nil {
		return &mismatch{err.Error()} // Every vector's members hold.
	}
	reply := parsed(told.Reply, new(pb.ListConsentRequestsResponse))
	states, err := verifyRequests(reply, told.Caller, keys, told.Trust)
	if err != nil || told.States == nil {
		return err
	}
	return same("the states", states, told.States)
}

func checkEvidence(at vector) error {
	var told struct {
		Report    hexBytes
		Evidence  hexBytes
		Furnisher string
		Members   []hexBytes
		Trust     Trust
		Level     pb.EvidenceLevel
	}
	at.read(&told)
	report := parsed(told.Report, new(pb.Report))
	pieces, err := provedRecords(parsed(told.Evidence, new(pb.EvidencePage)))
	if err != nil {
		return err
	}
	if at.Check == "completeness" {
		return verifyComplete(report, pieces, told.Level)
	}
	keys, err := loggedKeys(membersOf(told.Members), told.Trust)
	if err != nil {
		return &mismatch{err.Error()} // Every vector's members hold.
	}
	return verifyProvenance(report, pieces[0], keys, told.Trust)
}

func checkIdentifier(at vector) error {
	var told struct {
		Country, Scheme, Identifier string
		IssuedOnly                  bool `json:"issued_only"`
		Input                       string
	}
	at.read(&told)
	input, err := identifierInput(told.Country, told.Scheme, told.Identifier, told.IssuedOnly)
	if err != nil {
		return err
	}
	return same("the input", input, told.Input)
}

func checkSubjectID(at vector) error {
	var told struct {
		Input             string
		Seed              hexBytes
		DirectoryKey      hexBytes `json:"directory_key"`
		SubjectID         string   `json:"subject_id"`
		Inputs            []string
		Blinds            []hexBytes
		BlindedElements   []hexBytes `json:"blinded_elements"`
		EvaluatedElements hexBytes   `json:"evaluated_elements"`
		SubjectIDs        []string   `json:"subject_ids"`
	}
	at.read(&told)
	switch at.Check {
	case "subject_id":
		key, err := oprf.DeriveKey(oprf.SuiteRistretto255, oprf.VerifiableMode, told.Seed, []byte("creditbureau directory"))
		if err != nil {
			return err
		}
		public, err := key.Public().MarshalBinary()
		if err != nil {
			return err
		}
		output, err := oprf.NewVerifiableServer(oprf.SuiteRistretto255, key).FullEvaluate([]byte(told.Input))
		if err != nil {
			return err
		}
		return firstOf(
			same("the directory's key", public, []byte(told.DirectoryKey)),
			same("the subject id", hex.EncodeToString(output[:16]), told.SubjectID),
		)
	}
	blinds := make([]oprf.Blind, len(told.Blinds))
	for place, data := range told.Blinds {
		scalar := group.Ristretto255.NewScalar()
		if err := scalar.UnmarshalBinary(data); err != nil {
			return &mismatch{err.Error()}
		}
		blinds[place] = scalar
	}
	blinded, err := blind(told.Inputs, told.DirectoryKey, blinds)
	if err != nil {
		return err
	}
	if err := same("the blinded elements", blinded.Elements, plain(told.BlindedElements)); err != nil {
		return err
	}
	ids, err := blinded.finalize(told.EvaluatedElements)
	if err != nil {
		return err
	}
	return same("the subject ids", ids, told.SubjectIDs)
}

func checkReport(at vector) error {
	var told struct {
		File  string
		Trust Trust
	}
	at.read(&told)
	answer, err := loadReport([]byte(told.File))
	if err != nil {
		return err
	}
	_, err = answer.verify(told.Trust)
	return err
}

func checkProfile(at vector) error {
	var told struct {
		Text, Member       string
		Addresses          []string
		DirectoryAddresses []string `json:"directory_addresses"`
		Trust              Trust
	}
	at.read(&told)
	found, err := readSettings([]byte(told.Text))
	if err != nil || told.Member == "" {
		return err
	}
	found.Witnesses = append([]string{}, found.Witnesses...)
	return firstOf(
		same("the member", found.Member, told.Member),
		same("the addresses", found.Addresses, told.Addresses),
		same("the directory's", slices.Concat([]string{}, found.DirectoryAddresses), slices.Concat([]string{}, told.DirectoryAddresses)),
		same("what is pinned", found.Trust, told.Trust),
	)
}

func checkBinding(at vector) error {
	var told struct {
		File      hexBytes
		Audience  string
		SubjectID string   `json:"subject_id"`
		PublicKey hexBytes `json:"public_key"`
	}
	at.read(&told)
	binding, err := verifyBinding(told.File, told.Audience)
	if err != nil || told.SubjectID == "" {
		return err
	}
	return firstOf(
		same("the subject", binding.SubjectId, told.SubjectID),
		same("the key", binding.PublicKey, []byte(told.PublicKey)),
	)
}

func checkError(at vector) error {
	var told struct {
		Code         codes.Code
		Status       hexBytes
		Message, Fix string
		RequestID    string `json:"request_id"`
		Violations   []struct{ Field, Rule, Message string }
		RetryAfterMS int64 `json:"retry_after_ms"`
		Retry        bool
	}
	at.read(&told)
	if len(told.Status) == 0 {
		return same("whether to retry", Explained{Code: told.Code}.isRetryable(), told.Retry)
	}
	message := parsed(told.Status, new(status.Status))
	found := explain(grpcstatus.ErrorProto(message))
	err := firstOf(
		same("the code", found.Code, told.Code),
		same("the reason", found.Reason, at.Reason),
		same("the message", found.Message, at.Reason+": "+told.Message),
		same("the fix", found.Fix, told.Fix),
		same("the request id", found.RequestID, told.RequestID),
		same("the delay", found.RetryAfter.Milliseconds(), told.RetryAfterMS),
		same("whether to retry", found.isRetryable(), told.Retry),
		same("the number of violations", len(found.Violations), len(told.Violations)),
	)
	for place, wanted := range told.Violations {
		fault := found.Violations[place]
		err = firstOf(err, same("a violation", [3]string{fault.Field, fault.Reason, fault.Description},
			[3]string{wanted.Field, wanted.Rule, wanted.Message}))
	}
	return err
}
