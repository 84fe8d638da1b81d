package main

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "creditbureau/interop/gen/creditbureau/v1"
)

// Refusal says why something does not hold, by a reason of the contract.
type Refusal struct {
	Reason string
	Text   string
}

func (refusal *Refusal) Error() string { return refusal.Reason + ": " + refusal.Text }

func refuse(reason, format string, values ...any) error {
	return &Refusal{reason, fmt.Sprintf(format, values...)}
}

// docs: begin canonical

// canonical returns the one encoding of a message that may be signed: fields in order
// of their numbers. Go's library writes the members of a oneof last, and so needs help.
func canonical(message proto.Message) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		panic(err) // A text that is not UTF-8: a fault of this program.
	}
	return inOrder(data, message.ProtoReflect().Descriptor())
}

// inOrder puts the fields of an encoded message, and of those in it, in order.
func inOrder(data []byte, message protoreflect.MessageDescriptor) []byte {
	type field struct {
		number protowire.Number
		data   []byte
	}
	var fields []field
	for len(data) > 0 {
		number, kind, tag := protowire.ConsumeTag(data)
		size := tag + protowire.ConsumeFieldValue(number, kind, data[tag:])
		one := data[:size]
		described := message.Fields().ByNumber(number)
		if described.Message() != nil && !described.IsMap() {
			inner, _ := protowire.ConsumeBytes(data[tag:])
			one = protowire.AppendTag(nil, number, kind)
			one = protowire.AppendBytes(one, inOrder(inner, described.Message()))
		}
		fields, data = append(fields, field{number, one}), data[size:]
	}
	slices.SortStableFunc(fields, func(one, other field) int { return cmp.Compare(one.number, other.number) })
	var ordered []byte
	for _, at := range fields {
		ordered = append(ordered, at.data...)
	}
	return ordered
}

// parseCanonical reads bytes that must be the canonical encoding of a message.
func parseCanonical(data []byte, message proto.Message) error {
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, message); err != nil {
		return refuse("MALFORMED_MESSAGE", "%v", err)
	}
	if !bytes.Equal(canonical(message), data) {
		return refuse("NON_CANONICAL", "unknown fields, or not the canonical encoding")
	}
	return nil
}

// docs: end canonical

var wordStart = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// docs: begin seal

// payloadType returns, for a SubmissionManifest,
// application/vnd.creditbureau.submission-manifest.v1+protobuf.
func payloadType(message proto.Message) string {
	name := string(message.ProtoReflect().Descriptor().Name())
	words := strings.ToLower(wordStart.ReplaceAllString(name, "$1-$2"))
	return "application/vnd.creditbureau." + words + ".v1+protobuf"
}

// pae returns DSSE's pre-authentication encoding: the bytes that are signed.
func pae(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// seal signs a message.
func seal(message proto.Message, key ed25519.PrivateKey) *pb.Envelope {
	payload, kind := canonical(message), payloadType(message)
	return &pb.Envelope{
		Payload:     payload,
		PayloadType: kind,
		Signatures: []*pb.Signature{{
			Sig:   ed25519.Sign(key, pae(kind, payload)),
			Keyid: keyID(key.Public().(ed25519.PublicKey)),
		}},
	}
}

// docs: end seal

// digest returns what names a statement: SHA-256 of the bytes that are signed.
func digest(envelope *pb.Envelope) []byte {
	sum := sha256.Sum256(pae(envelope.PayloadType, envelope.Payload))
	return sum[:]
}

// checkForm checks an envelope's payload type and size.
func checkForm(envelope *pb.Envelope, message proto.Message) error {
	if wanted := payloadType(message); envelope.GetPayloadType() != wanted {
		return refuse("WRONG_PAYLOAD_TYPE", "%q, not %q", envelope.GetPayloadType(), wanted)
	}
	limit := 16384
	if own := proto.GetExtension(message.ProtoReflect().Descriptor().Options(), pb.E_MaxPayloadBytes).(int32); own != 0 {
		limit = int(own)
	}
	if size := len(envelope.Payload); size > limit {
		return refuse("TOO_LARGE", "%d bytes, %d are allowed", size, limit)
	}
	return nil
}

// signatureOf returns the one signature of an envelope in which nothing is unsigned.
func signatureOf(envelope *pb.Envelope) (*pb.Signature, error) {
	if count := len(envelope.Signatures); count != 1 {
		return nil, refuse("BAD_SIGNATURE", "%d signatures, exactly one is expected", count)
	}
	signature := envelope.Signatures[0]
	if len(envelope.ProtoReflect().GetUnknown())+len(signature.ProtoReflect().GetUnknown()) > 0 {
		return nil, refuse("NON_CANONICAL", "unknown fields in the envelope or its signature")
	}
	return signature, nil
}

// peek reads an envelope's payload without verifying its signature.
func peek(envelope *pb.Envelope, message proto.Message) error {
	if err := checkForm(envelope, message); err != nil {
		return err
	}
	if _, err := signatureOf(envelope); err != nil {
		return err
	}
	return parseCanonical(envelope.Payload, message)
}

// open verifies an envelope under the keys of its signer, by key id, and reads its
// payload. It returns the key that signed.
func open(envelope *pb.Envelope, message proto.Message, keys map[string]ed25519.PublicKey) (ed25519.PublicKey, error) {
	if err := checkForm(envelope, message); err != nil {
		return nil, err
	}
	signature, err := signatureOf(envelope)
	if err != nil {
		return nil, err
	}
	key, known := keys[signature.Keyid]
	if !known {
		return nil, refuse("BAD_SIGNATURE", "key %q does not count for the signer", signature.Keyid)
	}
	if !ed25519.Verify(key, pae(envelope.PayloadType, envelope.Payload), signature.Sig) {
		return nil, refuse("BAD_SIGNATURE", "the signature does not verify")
	}
	return key, parseCanonical(envelope.Payload, message)
}
