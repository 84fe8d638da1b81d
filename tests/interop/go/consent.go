package main

import (
	"crypto/ed25519"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "creditbureau/interop/gen/creditbureau/v1"
)

// A node judges a consent by its own clock, a moment before the inquiry's entry is written.
const toleranceSeconds = 60

// docs: begin consent

// verifyConsent checks that a report's subject signed its consent, and that the report holds
// no more than the consent opens. Keys are the attesting member's, proved by the log.
func verifyConsent(report *pb.Report, proof *pb.ConsentProof, receipt *pb.Receipt, keys map[string][]LoggedKey, trust Trust) error {
	// 1. Members attested the subject's keys; each later key was signed for by the one before it.
	bound, err := bindKeys(proof.GetKeys(), keys, trust)
	if err != nil {
		return err
	}
	// 2. One of these keys signed the consent, which was logged between the key and the inquiry.
	consent := new(pb.Consent)
	if _, err := bound.open(proof.GetConsent(), "consent", report.SubjectId, consent, trust); err != nil {
		return err
	}
	if proof.Consent.Receipt.LeafIndex >= receipt.LeafIndex {
		return refuse("BAD_PROOF", "the consent was logged after the inquiry")
	}
	// 3. It allows the inquiry, and opens what the report holds.
	return verifyScope(report, consent, receipt)
}

// docs: end consent

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
