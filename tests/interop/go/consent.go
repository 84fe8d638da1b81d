package main

import (
	"crypto/ed25519"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "creditbureau/interop/gen/creditbureau/v1"
)

// A node judges a consent by its own clock, a moment before the inquiry's entry is written.
const toleranceSeconds = 60

// docs: begin consent

// verifyConsent checks that a report's subject signed its consent, and that the report holds
// no more than the consent opens. Keys are the attesting member's, proved by the log.
func verifyConsent(report *pb.Report, proof *pb.ConsentProof, receipt *pb.Receipt, keys map[string][]LoggedKey, trust Trust) error {
	subject := "subjects/" + report.SubjectId
	// 1. A member attested the subject's first key; each later key was signed for by the one
	//    before it.
	if len(proof.GetKeys()) == 0 {
		return refuse("BAD_PROOF", "the attestation of the subject's key is missing")
	}
	key, bound, err := attestedKey(proof.Keys[0], report.SubjectId, keys, trust)
	if err != nil {
		return err
	}
	for _, logged := range proof.Keys[1:] {
		rotation := new(pb.KeyRotation)
		if _, err := verifyReceipt(logged.Receipt, logged.Envelope, "key-rotation", trust); err != nil {
			return err
		}
		if _, err := open(logged.Envelope, rotation, only(key)); err != nil {
			return err
		}
		if logged.Receipt.LeafIndex <= bound || !signedBy(rotation.Header, subject, trust) {
			return refuse("BAD_PROOF", "a rotation of the subject's key is another's, or out of order")
		}
		if key, err = boundKey(rotation.Binding, report.SubjectId, trust); err != nil {
			return err
		}
		bound = logged.Receipt.LeafIndex
	}
	// 2. That key signed the consent, which was logged between the key and the inquiry.
	statement, consent := proof.GetConsent(), new(pb.Consent)
	if _, err := verifyReceipt(statement.GetReceipt(), statement.GetEnvelope(), "consent", trust); err != nil {
		return err
	}
	if _, err := open(statement.Envelope, consent, only(key)); err != nil {
		return err
	}
	logged := statement.Receipt.LeafIndex
	if !signedBy(consent.Header, subject, trust) || logged <= bound || logged >= receipt.LeafIndex {
		return refuse("BAD_PROOF", "the consent is another's, or out of order")
	}
	// 3. It allows the inquiry, and opens what the report holds.
	return verifyScope(report, consent, receipt)
}

// docs: end consent

// attestedKey returns the key that a member attested to be a subject's, and the leaf that says so.
func attestedKey(logged *pb.LoggedStatement, subject string, keys map[string][]LoggedKey, trust Trust) (ed25519.PublicKey, int64, error) {
	attestation := new(pb.KeyAttestation)
	if err := peek(logged.Envelope, attestation); err != nil {
		return nil, 0, err
	}
	if _, err := verifyReceipt(logged.Receipt, logged.Envelope, "attestation", trust); err != nil {
		return nil, 0, err
	}
	index, counting := logged.Receipt.LeafIndex, map[string]ed25519.PublicKey{}
	for _, held := range keys[strings.TrimPrefix(attestation.Header.GetSigner(), "members/")] {
		if held.Start <= index && index < held.End {
			counting[keyID(held.Key)] = held.Key
		}
	}
	if _, err := open(logged.Envelope, attestation, counting); err != nil {
		return nil, 0, err
	}
	if !signedBy(attestation.Header, attestation.Header.GetSigner(), trust) {
		return nil, 0, refuse("BAD_PROOF", "the attestation is for another bureau")
	}
	key, err := boundKey(attestation.Binding, subject, trust)
	return key, index, err
}

// boundKey returns the key of a binding, which that key signed.
func boundKey(envelope *pb.Envelope, subject string, trust Trust) (ed25519.PublicKey, error) {
	binding := new(pb.KeyBinding)
	if err := peek(envelope, binding); err != nil {
		return nil, err
	}
	key, err := publicKey(binding.PublicKey)
	if err != nil {
		return nil, err
	}
	if _, err := open(envelope, binding, only(key)); err != nil {
		return nil, err
	}
	if binding.SubjectId != subject || !signedBy(binding.Header, "subjects/"+subject, trust) {
		return nil, refuse("BAD_PROOF", "the binding is another subject's")
	}
	return key, nil
}

func only(key ed25519.PublicKey) map[string]ed25519.PublicKey {
	return map[string]ed25519.PublicKey{keyID(key): key}
}

func signedBy(header *pb.Header, signer string, trust Trust) bool {
	return header.GetSigner() == signer && header.GetAudience() == trust.Origin
}

// verifyScope checks that a consent allows a report, and opens what it holds.
func verifyScope(report *pb.Report, consent *pb.Consent, receipt *pb.Receipt) error {
	action := pb.Action_ACTION_MONITOR
	if receipt.Kind == "inquiry" {
		action = pb.Action_ACTION_INQUIRE
	}
	opens := func(section pb.Section) bool { return slices.Contains(consent.Sections, section) }
	months := 0
	if opens(pb.Section_SECTION_PAYMENT_HISTORY) {
		months = int(consent.HistoryMonths)
	}
	kept := consent.Header.GetRequestId() == report.ConsentId &&
		consent.SubjectId == report.SubjectId && consent.Grantee == report.MemberId &&
		slices.Contains(consent.Actions, action) && slices.Contains(consent.Purposes, report.Purpose) &&
		covers(consent, receipt.LogTime) && report.LogSize <= receipt.LeafIndex &&
		sameSections(report.Sections, consent.Sections) && len(report.Notices) == 0 &&
		(opens(pb.Section_SECTION_SUMMARY) || report.Summary == nil && len(report.Standings) == 0) &&
		(opens(pb.Section_SECTION_TRADELINES) || len(report.Tradelines) == 0) &&
		(opens(pb.Section_SECTION_INQUIRIES) || len(report.Inquiries) == 0) &&
		(opens(pb.Section_SECTION_ATTRIBUTES) || len(report.Attributes) == 0) &&
		(opens(pb.Section_SECTION_DISPUTES) || len(report.Disputes) == 0)
	for _, line := range report.Tradelines {
		kind := len(consent.PortfolioTypes) == 0 || slices.Contains(consent.PortfolioTypes, line.PortfolioType)
		kept = kept && kind && len(line.GetHistory().GetProfile()) <= months
	}
	if !kept {
		return refuse("WRONG_ANSWER", "the report does not keep to its consent")
	}
	return nil
}

func covers(consent *pb.Consent, at *timestamppb.Timestamp) bool {
	return consent.StartTime.GetSeconds()-toleranceSeconds <= at.GetSeconds() &&
		at.GetSeconds() < consent.ExpireTime.GetSeconds()+toleranceSeconds
}

func sameSections(one, other []pb.Section) bool {
	one, other = slices.Clone(one), slices.Clone(other)
	slices.Sort(one)
	slices.Sort(other)
	return slices.Equal(slices.Compact(one), slices.Compact(other))
}
