package main

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "creditbureau/interop/gen/creditbureau/v1"
)

// Characters of the payment history profile (Metro 2), by account status.
var characters = map[pb.AccountStatus]byte{
	pb.AccountStatus_ACCOUNT_STATUS_CURRENT:                  '0',
	pb.AccountStatus_ACCOUNT_STATUS_PAST_DUE_30:              '1',
	pb.AccountStatus_ACCOUNT_STATUS_PAST_DUE_60:              '2',
	pb.AccountStatus_ACCOUNT_STATUS_PAST_DUE_90:              '3',
	pb.AccountStatus_ACCOUNT_STATUS_PAST_DUE_120:             '4',
	pb.AccountStatus_ACCOUNT_STATUS_PAST_DUE_150:             '5',
	pb.AccountStatus_ACCOUNT_STATUS_PAST_DUE_180:             '6',
	pb.AccountStatus_ACCOUNT_STATUS_PAID_OR_CLOSED:           'E',
	pb.AccountStatus_ACCOUNT_STATUS_TRANSFERRED:              'D',
	pb.AccountStatus_ACCOUNT_STATUS_PAID_SURRENDER:           'E',
	pb.AccountStatus_ACCOUNT_STATUS_PAID_COLLECTION:          'E',
	pb.AccountStatus_ACCOUNT_STATUS_PAID_REPOSSESSION:        'E',
	pb.AccountStatus_ACCOUNT_STATUS_PAID_CHARGE_OFF:          'E',
	pb.AccountStatus_ACCOUNT_STATUS_PAID_FORECLOSURE_STARTED: 'E',
	pb.AccountStatus_ACCOUNT_STATUS_CLAIM_FILED:              '6',
	pb.AccountStatus_ACCOUNT_STATUS_DEED_IN_LIEU:             'H',
	pb.AccountStatus_ACCOUNT_STATUS_COLLECTION:               'G',
	pb.AccountStatus_ACCOUNT_STATUS_FORECLOSURE:              'H',
	pb.AccountStatus_ACCOUNT_STATUS_SURRENDER:                'J',
	pb.AccountStatus_ACCOUNT_STATUS_REPOSSESSION:             'K',
	pb.AccountStatus_ACCOUNT_STATUS_CHARGE_OFF:               'L',
}

func characterOf(snapshot *pb.TradelineSnapshot) byte {
	if snapshot.BalanceMinor == 0 && snapshot.Status == pb.AccountStatus_ACCOUNT_STATUS_CURRENT {
		return 'E'
	}
	if character, known := characters[snapshot.Status]; known {
		return character
	}
	return 'D'
}

func monthBefore(month int32, age int) int32 {
	months := month/100*12 + month%100 - 1 - int32(age)
	return months/12*100 + months%12 + 1
}

func monthsBetween(month, newest int32) int {
	return int((newest/100-month/100)*12 + newest%100 - month%100)
}

// part names one month of one tradeline, or the record of one of its actions.
type part struct {
	tradeline  string
	month      int32 // 0 for an action
	submission string
	index      int32
}

// provedRecord is a piece of evidence with its submission, to which the page refers.
type provedRecord struct {
	*pb.Evidence
	Manifest *pb.Envelope
	Receipt  *pb.Receipt
}

// proves returns the part that a piece of evidence is for.
func proves(piece provedRecord) (part, error) {
	if piece.Month != 0 {
		return part{tradeline: piece.TradelineId, month: piece.Month}, nil
	}
	manifest := new(pb.SubmissionManifest)
	err := peek(piece.Manifest, manifest)
	return part{piece.TradelineId, 0, manifest.Header.GetRequestId(), piece.RecordIndex}, err
}

// verifyShape checks that each tradeline is there once, with a history of as many values as
// months.
func verifyShape(report *pb.Report) error {
	seen := map[string]bool{}
	for _, line := range report.Tradelines {
		history := line.GetHistory()
		months := len(history.GetProfile())
		same := len(history.GetBalanceMinor()) == months && len(history.GetAmountDueMinor()) == months &&
			len(history.GetAmountPaidMinor()) == months && len(history.GetAmountPastDueMinor()) == months
		if seen[line.TradelineId] || !same || months > 120 {
			return refuse("WRONG_ANSWER", "tradeline %s is malformed", line.TradelineId)
		}
		seen[line.TradelineId] = true
	}
	return nil
}

// evidenceDue returns the months and actions that evidence of a level must prove.
func evidenceDue(report *pb.Report, level pb.EvidenceLevel) map[part]bool {
	due := map[part]bool{}
	if level <= pb.EvidenceLevel_EVIDENCE_LEVEL_NONE ||
		!slices.Contains(report.Sections, pb.Section_SECTION_EVIDENCE) ||
		!slices.Contains(report.Sections, pb.Section_SECTION_TRADELINES) {
		return due
	}
	for _, line := range report.Tradelines {
		due[part{tradeline: line.TradelineId, month: line.Month}] = true
		if level != pb.EvidenceLevel_EVIDENCE_LEVEL_ALL {
			continue
		}
		for age, character := range line.History.GetProfile() {
			if character != 'D' {
				due[part{tradeline: line.TradelineId, month: monthBefore(line.History.NewestMonth, age)}] = true
			}
		}
		for _, action := range line.Actions {
			due[part{line.TradelineId, 0, action.Record.GetSubmissionId(), action.Record.GetRecordIndex()}] = true
		}
	}
	return due
}

// verifyComplete checks that evidence covers everything that it was asked for.
func verifyComplete(report *pb.Report, pieces []provedRecord, level pb.EvidenceLevel) error {
	due := evidenceDue(report, level)
	furnishers, shown := map[string]string{}, map[[2]string]string{}
	for _, line := range report.Tradelines {
		furnishers[line.TradelineId] = line.MemberId
		sold := slices.ContainsFunc(line.Actions, func(action *pb.TradelineAction) bool {
			effective := action.EffectiveTime.AsTime()
			month := int32(effective.Year())*100 + int32(effective.Month())
			return action.Kind == pb.FacilityActionKind_FACILITY_ACTION_KIND_TRANSFER && month == line.SoldMonth
		})
		if line.SoldMonth != 0 && !sold {
			return refuse("WRONG_ANSWER", "tradeline %s has no TRANSFER of %d", line.TradelineId, line.SoldMonth)
		}
	}
	for _, piece := range pieces {
		proved, err := proves(piece)
		if err != nil {
			return err
		}
		delete(due, proved)
		record := new(pb.Record)
		if err := parseCanonical(piece.Record, record); err != nil {
			return err
		}
		// One record, and one account, is one tradeline.
		place := fmt.Sprintf("%x/%d", digest(piece.Manifest), piece.RecordIndex)
		for _, name := range []string{place, "account " + record.AccountRef} {
			key := [2]string{furnishers[piece.TradelineId], name}
			if other, known := shown[key]; known && other != piece.TradelineId {
				return refuse("WRONG_ANSWER", "tradelines %s and %s show one account", other, piece.TradelineId)
			}
			shown[key] = piece.TradelineId
		}
	}
	for missing := range due {
		return refuse("WRONG_ANSWER", "the evidence for %s in %d is missing", missing.tradeline, missing.month)
	}
	return nil
}

// verifyProvenance checks that a report says what its furnisher signed. Keys are the
// furnishers', proved by the log.
func verifyProvenance(report *pb.Report, piece provedRecord, keys map[string][]LoggedKey, trust Trust) error {
	place := slices.IndexFunc(report.Tradelines, func(line *pb.Tradeline) bool {
		return line.TradelineId == piece.TradelineId
	})
	if place < 0 {
		return refuse("WRONG_ANSWER", "evidence for a tradeline that the report does not have")
	}
	line := report.Tradelines[place]
	record, err := signedRecord(piece, line.MemberId, keys[line.MemberId], trust)
	if err != nil {
		return err
	}
	if piece.Receipt.LeafIndex >= report.LogSize {
		return refuse("WRONG_ANSWER", "the record was logged after the report's log size")
	}
	if piece.Month != 0 {
		return verifySame(report, line, record.GetSnapshot())
	}
	proved, err := proves(piece)
	if err != nil {
		return err
	}
	for _, action := range line.Actions {
		if action.Record.GetSubmissionId() == proved.submission && action.Record.GetRecordIndex() == proved.index {
			return verifyQuoted(action, record.GetAction())
		}
	}
	return refuse("WRONG_ANSWER", "evidence for an action that the tradeline does not have")
}

// docs: begin evidence

// provedRecords returns the evidence of pages, each record with its submission.
func provedRecords(pages ...*pb.EvidencePage) ([]provedRecord, error) {
	var records []provedRecord
	for _, page := range pages {
		for _, piece := range page.GetEvidence() {
			if piece.ManifestIndex < 0 || int(piece.ManifestIndex) >= len(page.Manifests) {
				return nil, refuse("WRONG_ANSWER", "the page has no manifest %d", piece.ManifestIndex)
			}
			logged := page.Manifests[piece.ManifestIndex]
			records = append(records, provedRecord{piece, logged.Envelope, logged.Receipt})
		}
	}
	return records, nil
}

// signedRecord returns the record that a furnisher signed for one account and month, or for an
// action.
func signedRecord(piece provedRecord, furnisher string, keys []LoggedKey, trust Trust) (*pb.Record, error) {
	// 1. The manifest is in the log.
	if _, err := verifyReceipt(piece.Receipt, piece.Manifest, "submission", trust); err != nil {
		return nil, err
	}
	// 2. The furnisher signed it, with a key that counted at that index.
	counting := map[string]ed25519.PublicKey{}
	for _, held := range keys {
		if held.Start <= piece.Receipt.LeafIndex && piece.Receipt.LeafIndex < held.End {
			counting[keyID(held.Key)] = held.Key
		}
	}
	manifest := new(pb.SubmissionManifest)
	if _, err := open(piece.Manifest, manifest, counting); err != nil {
		return nil, err
	}
	if manifest.Header.GetSigner() != "members/"+furnisher {
		return nil, refuse("BAD_PROOF", "another furnisher signed it")
	}
	// 3. The record is under the root that was signed.
	leaf := hasher.HashLeaf(piece.Record)
	index, size := int64(piece.RecordIndex), int64(manifest.RecordCount)
	if err := verifyInclusion(leaf, index, size, piece.Proof, manifest.RecordsRoot); err != nil {
		return nil, err
	}
	// 4. It is of this month, or an action.
	record := new(pb.Record)
	if err := parseCanonical(piece.Record, record); err != nil {
		return nil, err
	}
	isAction := piece.Month == 0 && record.GetAction() != nil
	if !isAction && (record.GetSnapshot() == nil || record.GetSnapshot().Month != piece.Month) {
		return nil, refuse("BAD_PROOF", "the record is of another month")
	}
	return record, nil
}

// docs: end evidence

// verifySame checks that a tradeline says of a month what was signed of it.
func verifySame(report *pb.Report, line *pb.Tradeline, signed *pb.TradelineSnapshot) error {
	place := slices.IndexFunc(signed.Parties, func(party *pb.Party) bool {
		return party.SubjectId == report.SubjectId
	})
	if place < 0 {
		return refuse("WRONG_ANSWER", "the record is about other people")
	}
	if signed.Month == line.Month {
		if err := verifyQuoted(line, signed); err != nil {
			return err
		}
		if line.Role != signed.Parties[place].Role || int(line.PartyCount) != len(signed.Parties) {
			return refuse("WRONG_ANSWER", "the tradeline differs in role or party_count")
		}
	}
	history := line.GetHistory()
	age := monthsBetween(signed.Month, history.GetNewestMonth())
	if age < 0 || age >= len(history.GetProfile()) {
		return nil
	}
	told := []int64{
		history.BalanceMinor[age], history.AmountDueMinor[age],
		history.AmountPaidMinor[age], history.AmountPastDueMinor[age],
	}
	wanted := []int64{
		signed.BalanceMinor, signed.AmountDueMinor, signed.AmountPaidMinor, signed.AmountPastDueMinor,
	}
	if history.Profile[age] != characterOf(signed) || !slices.Equal(told, wanted) {
		return refuse("WRONG_ANSWER", "the history differs in %d", signed.Month)
	}
	return nil
}

// verifyQuoted checks the fields that a part of a report and its signed record have in common.
func verifyQuoted(shown, signed proto.Message) error {
	told, wanted := shown.ProtoReflect(), signed.ProtoReflect()
	fields := told.Descriptor().Fields()
	for place := range fields.Len() {
		field := fields.Get(place)
		other := wanted.Descriptor().Fields().ByName(field.Name())
		if other == nil {
			continue
		}
		if !told.Get(field).Equal(wanted.Get(other)) || isMissing(told, field) != isMissing(wanted, other) {
			return refuse("WRONG_ANSWER", "the tradeline differs in %s", field.Name())
		}
	}
	return nil
}

func isMissing(message protoreflect.Message, field protoreflect.FieldDescriptor) bool {
	return field.HasPresence() && !message.Has(field)
}

// signersOf returns the members whose keys are needed to check statements about a member.
func signersOf(member *pb.Member) ([]string, error) {
	var found []string
	for _, logged := range member.Statements {
		for _, message := range []statement{&pb.Admission{}, &pb.MemberChange{}, &pb.CredentialChange{}} {
			if logged.Envelope.GetPayloadType() != payloadType(message) {
				continue
			}
			if err := peek(logged.Envelope, message); err != nil {
				return nil, err
			}
			found = append(found, strings.TrimPrefix(message.GetHeader().GetSigner(), "members/"))
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}
