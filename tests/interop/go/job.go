package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "creditbureau/interop/gen/creditbureau/v1"
)

// Person is a subject with a key of their own. An agent carries their statements.
type Person struct {
	subjectID string
	key       ed25519.PrivateKey
	audience  string
}

func (person *Person) header() *pb.Header {
	return header("subjects/"+person.subjectID, person.audience)
}

func (client *Client) header() *pb.Header {
	return header("members/"+client.Member, client.Origin)
}

// runJob is the main job: two lenders, a person and their agent. It writes the report
// that the second lender gets into a file.
func runJob(lenderFolder, otherFolder, agentFolder, reportPath string) error {
	lender, err := clientOf(lenderFolder)
	if err != nil {
		return err
	}
	other, err := clientOf(otherFolder)
	if err != nil {
		return err
	}
	agent, err := clientOf(agentFolder)
	if err != nil {
		return err
	}
	subjectID, err := lender.subjectID("US", "ssn", fmt.Sprintf("000-%06d", time.Now().UnixNano()/1000%1_000_000))
	if err != nil {
		return fmt.Errorf("the subject id: %w", err)
	}
	fmt.Println("subject", subjectID)
	person, err := lender.attest(subjectID)
	if err != nil {
		return fmt.Errorf("the attestation: %w", err)
	}
	consents, err := agent.grant(person, lender.Member, other.Member)
	if err != nil {
		return fmt.Errorf("the consents: %w", err)
	}
	fmt.Println("consents", len(consents))
	if err := other.listConsents(subjectID); err != nil {
		return fmt.Errorf("the list of consents: %w", err)
	}
	if err := lender.submit(subjectID); err != nil {
		return fmt.Errorf("the submission: %w", err)
	}
	answer, err := other.query(subjectID, consents[pb.Action_ACTION_INQUIRE])
	if err != nil {
		return fmt.Errorf("the query: %w", err)
	}
	if err := os.WriteFile(reportPath, answer.save(), 0o600); err != nil {
		return err
	}
	if err := other.follow(subjectID); err != nil {
		return fmt.Errorf("the alerts: %w", err)
	}
	return other.refused(subjectID)
}

func clientOf(folder string) (*Client, error) {
	profile, err := loadProfile(folder)
	if err != nil {
		return nil, err
	}
	return connect(profile)
}

// docs: begin evaluate

// subjectID asks the directory for a subject id; it learns neither the identifier nor
// the id.
func (client *Client) subjectID(country, scheme, identifier string) (string, error) {
	input, err := identifierInput(country, scheme, identifier, client.IssuedOnly)
	if err != nil {
		return "", err
	}
	blinded, err := blind([]string{input}, unhex(client.DirectoryKey), nil)
	if err != nil {
		return "", err
	}
	message := &pb.Evaluation{Header: client.header(), BlindedElements: blinded.Elements}
	sealed := seal(message, client.Signing)
	directory := pb.NewDirectoryClient(client.connection)
	reply, err := retry(directory.Evaluate, &pb.EvaluateRequest{Evaluation: sealed})
	if err != nil {
		return "", err
	}
	if _, err := verifyReceipt(reply.Receipt, sealed, "evaluation", client.Trust); err != nil {
		return "", err
	}
	ids, err := blinded.finalize(reply.EvaluatedElements)
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

// docs: end evaluate

// docs: begin attest

// attest makes a person's key; they bind it to their id, and the lender attests that it
// is theirs.
func (client *Client) attest(subjectID string) (*Person, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	person := &Person{subjectID, private, client.Origin}
	binding := seal(&pb.KeyBinding{
		Header: person.header(), SubjectId: subjectID, PublicKey: public,
	}, private)
	// The person hands the binding over as a file: the envelope's bytes.
	file := canonical(binding)
	if _, err := verifyBinding(file, client.Origin); err != nil {
		return nil, err
	}
	sealed := seal(&pb.KeyAttestation{
		Header:       client.header(),
		Binding:      binding,
		Method:       pb.IdentificationMethod_IDENTIFICATION_METHOD_IN_PERSON,
		IdentifyTime: timestamppb.New(time.Now().Add(-time.Minute)),
	}, client.Signing)
	subjects := pb.NewSubjectsClient(client.connection)
	reply, err := retry(subjects.AttestKey, &pb.AttestKeyRequest{Attestation: sealed})
	if err != nil {
		return nil, err
	}
	_, err = verifyReceipt(reply.Receipt, sealed, "attestation", client.Trust)
	return person, err
}

// docs: end attest

// docs: begin grant

// grant carries a person's consents: the lender may furnish, the other lender may
// inquire and monitor. It returns the ids by action.
func (client *Client) grant(person *Person, lender, other string) (map[pb.Action]string, error) {
	now := time.Now()
	all := []pb.Section{
		pb.Section_SECTION_SUMMARY, pb.Section_SECTION_TRADELINES, pb.Section_SECTION_INQUIRIES,
		pb.Section_SECTION_PAYMENT_HISTORY, pb.Section_SECTION_EVIDENCE,
	}
	terms := []*pb.Consent{
		{Grantee: lender, Actions: []pb.Action{pb.Action_ACTION_FURNISH}},
		{
			Grantee: other, Actions: []pb.Action{pb.Action_ACTION_INQUIRE}, Sections: all, MaxUses: 3,
			Purposes: []pb.Purpose{pb.Purpose_PURPOSE_CREDIT_APPLICATION},
		},
		{
			Grantee: other, Actions: []pb.Action{pb.Action_ACTION_MONITOR}, Sections: all,
			Purposes:  []pb.Purpose{pb.Purpose_PURPOSE_ACCOUNT_REVIEW},
			Frequency: &pb.Frequency{Unit: pb.FrequencyUnit_FREQUENCY_UNIT_MONTH, Value: 5},
		},
	}
	consents, found := pb.NewConsentsClient(client.connection), map[pb.Action]string{}
	for _, consent := range terms {
		consent.Header, consent.SubjectId = person.header(), person.subjectID
		consent.Mode, consent.HistoryMonths = pb.ConsentMode_CONSENT_MODE_VIEW, 24
		consent.StartTime = timestamppb.New(now.Add(-time.Minute))
		consent.ExpireTime = timestamppb.New(now.AddDate(0, 0, 20))
		sealed := seal(consent, person.key)
		reply, err := retry(consents.GrantConsent, &pb.GrantConsentRequest{Consent: sealed})
		if err != nil {
			return nil, err
		}
		if _, err := verifyReceipt(reply.Receipt, sealed, "consent", client.Trust); err != nil {
			return nil, err
		}
		found[consent.Actions[0]] = consent.Header.RequestId
	}
	return found, nil
}

// docs: end grant

// docs: begin list

// listConsents lists the consents that the member holds of a subject, and verifies each.
func (client *Client) listConsents(subjectID string) error {
	consents, request := pb.NewConsentsClient(client.connection), &pb.ListConsentsRequest{SubjectId: subjectID}
	states := map[string]pb.ConsentState{}
	for range maxPages {
		reply, err := retry(consents.ListConsents, request)
		if err != nil {
			return err
		}
		names, err := attesters(reply.Keys)
		if err != nil {
			return err
		}
		wanted, vouchers, err := client.members(names)
		if err != nil {
			return err
		}
		keys, err := loggedKeys(slices.Concat(wanted, vouchers), client.Trust)
		if err != nil {
			return err
		}
		page, err := verifyConsents(reply, "members/"+client.Member, keys, client.Trust)
		if err != nil {
			return err
		}
		maps.Copy(states, page)
		if request.PageToken = reply.NextPageToken; request.PageToken == "" {
			fmt.Println("listed", len(states), "consents")
			return nil
		}
	}
	return refuse("WRONG_ANSWER", "the list of consents does not come to an end")
}

// docs: end list

// docs: begin submit

// submit furnishes two months of an account: a batch, signed by the root over its records.
func (client *Client) submit(subjectID string) error {
	month := time.Now().UTC().AddDate(0, -2, 1-time.Now().UTC().Day())
	var records [][]byte
	for age, state := range []pb.AccountStatus{
		pb.AccountStatus_ACCOUNT_STATUS_CURRENT, pb.AccountStatus_ACCOUNT_STATUS_PAST_DUE_30,
	} {
		at := month.AddDate(0, age, 0)
		snapshot := &pb.TradelineSnapshot{
			Month:         int32(at.Year()*100 + int(at.Month())),
			Parties:       []*pb.Party{{SubjectId: subjectID, Role: pb.PartyRole_PARTY_ROLE_INDIVIDUAL}},
			PortfolioType: pb.PortfolioType_PORTFOLIO_TYPE_REVOLVING,
			AccountType:   "18", // credit card
			Currency:      "USD",
			OpenDate:      20200131,
			Status:        state,
			BalanceMinor:  123_45,
		}
		if state != pb.AccountStatus_ACCOUNT_STATUS_CURRENT {
			snapshot.AmountPastDueMinor, snapshot.DaysPastDue = 50_00, 31
			snapshot.FirstDelinquencyDate = int32(month.Year()*10000 + int(month.Month())*100 + 28)
		}
		salt := make([]byte, 32)
		rand.Read(salt)
		record := &pb.Record{Salt: salt, AccountRef: "card-" + subjectID[:8], Body: &pb.Record_Snapshot{Snapshot: snapshot}}
		records = append(records, canonical(record))
	}
	sealed := seal(&pb.SubmissionManifest{
		Header:      client.header(),
		Kind:        pb.SubmissionKind_SUBMISSION_KIND_ORIGINAL,
		RecordsRoot: rootOf(records),
		RecordCount: int32(len(records)),
	}, client.Signing)
	request := &pb.SubmitRecordsRequest{Manifest: sealed, Batch: canonical(&pb.RecordBatch{Records: records})}
	furnishing := pb.NewFurnishingClient(client.connection)
	reply, err := retry(furnishing.SubmitRecords, request)
	if err != nil {
		return err
	}
	if _, err := verifyReceipt(reply.Receipt, sealed, "submission", client.Trust); err != nil {
		return err
	}
	// The same bytes again have no second effect: the first receipt comes back.
	again, err := retry(furnishing.SubmitRecords, request)
	if err != nil {
		return err
	}
	if !bytes.Equal(canonical(again.Receipt), canonical(reply.Receipt)) {
		return refuse("WRONG_ANSWER", "the same bytes have another receipt")
	}
	fmt.Println("submitted", len(records), "records at leaf", reply.Receipt.LeafIndex)
	return nil
}

// docs: end submit

// docs: begin query

// Pages of the longest evidence, or list of statements, that is read.
const maxPages = 200

// query asks for a report with all its evidence, and verifies it.
func (client *Client) query(subjectID, consentID string) (*Answer, error) {
	sealed := seal(&pb.Inquiry{
		Header:    client.header(),
		SubjectId: subjectID,
		Purpose:   pb.Purpose_PURPOSE_CREDIT_APPLICATION,
		ConsentId: consentID,
		Evidence:  pb.EvidenceLevel_EVIDENCE_LEVEL_ALL,
	}, client.Signing)
	reporting := pb.NewReportingClient(client.connection)
	reply, err := retry(reporting.QueryReport, &pb.QueryReportRequest{Inquiry: sealed})
	if err != nil {
		return nil, err
	}
	// Further pages of evidence come under the same inquiry.
	evidence := onePage(reply.Evidence)
	for token, pages := reply.Evidence.GetNextPageToken(), 1; token != ""; pages++ {
		more, err := retry(reporting.QueryReport, &pb.QueryReportRequest{Inquiry: sealed, PageToken: token})
		if err != nil {
			return nil, err
		}
		if pages == maxPages || len(more.Evidence.GetEvidence()) == 0 {
			return nil, refuse("WRONG_ANSWER", "the evidence does not come to an end")
		}
		evidence, token = onePage(evidence, more.Evidence), more.Evidence.NextPageToken
	}
	answer := &Answer{Report: reply.Report, Request: sealed, Receipt: reply.Receipt,
		Evidence: evidence, Consent: reply.Consent}
	if err := client.addMembers(answer); err != nil {
		return nil, err
	}
	report, err := answer.verify(client.Trust)
	if err != nil {
		return nil, err
	}
	if len(report.Tradelines) != 1 || len(answer.Evidence.Evidence) != 2 {
		return nil, refuse("WRONG_ANSWER", "%d tradelines and %d records, not one and two",
			len(report.Tradelines), len(answer.Evidence.Evidence))
	}
	fmt.Println("report", report.Tradelines[0].History.Profile, "with", len(answer.Evidence.Evidence), "records")
	return answer, nil
}

// onePage returns the evidence of pages as one, as it is saved.
func onePage(pages ...*pb.EvidencePage) *pb.EvidencePage {
	whole := new(pb.EvidencePage)
	for _, page := range pages {
		for _, piece := range page.Evidence {
			piece.ManifestIndex += int32(len(whole.Manifests))
			whole.Evidence = append(whole.Evidence, piece)
		}
		whole.Manifests = append(whole.Manifests, page.Manifests...)
	}
	return whole
}

// addMembers adds the furnishers of a report, the member that asked, the one that attested the
// subject's key, and the operators who vouched for their keys.
func (client *Client) addMembers(answer *Answer) error {
	report := new(pb.Report)
	if err := peek(answer.Report, report); err != nil {
		return err
	}
	wanted, err := attesters(answer.Consent.GetKeys())
	if err != nil {
		return err
	}
	wanted = append(wanted, report.MemberId)
	for _, line := range report.Tradelines {
		wanted = append(wanted, line.MemberId)
	}
	answer.Furnishers, answer.Vouchers, err = client.members(wanted)
	return err
}

// attesters returns the members that attested the keys of subjects.
func attesters(statements []*pb.LoggedStatement) ([]string, error) {
	var names []string
	for _, logged := range statements {
		if logged.Envelope.GetPayloadType() == payloadType(new(pb.KeyRotation)) {
			continue
		}
		attestation := new(pb.KeyAttestation)
		if err := peek(logged.Envelope, attestation); err != nil {
			return nil, err
		}
		names = append(names, strings.TrimPrefix(attestation.Header.GetSigner(), "members/"))
	}
	return names, nil
}

// members returns members, and the operators who vouched for their keys.
func (client *Client) members(names []string) (wanted, vouchers []*pb.Member, err error) {
	known := map[string]bool{}
	for _, name := range names {
		if known[name] {
			continue
		}
		member, err := client.member(name)
		if err != nil {
			return nil, nil, err
		}
		known[name] = true
		wanted = append(wanted, member)
	}
	for _, member := range wanted {
		signers, err := signersOf(member)
		if err != nil {
			return nil, nil, err
		}
		for _, signer := range signers {
			if known[signer] {
				continue
			}
			voucher, err := client.member(signer)
			if err != nil {
				return nil, nil, err
			}
			known[signer] = true
			vouchers = append(vouchers, voucher)
		}
	}
	return wanted, vouchers, nil
}

// docs: end query

func (client *Client) member(memberID string) (*pb.Member, error) {
	members := pb.NewMembersClient(client.connection)
	request := &pb.GetMemberRequest{MemberId: memberID, WithStatements: true}
	var member *pb.Member
	for range maxPages {
		reply, err := retry(members.GetMember, request)
		if err != nil {
			return nil, err
		}
		if reply.Member.GetMemberId() != memberID {
			return nil, refuse("WRONG_ANSWER", "another member than %s", memberID)
		}
		if member == nil {
			member = reply.Member
		} else {
			member.Statements = append(member.Statements, reply.Member.Statements...)
		}
		if request.PageToken = reply.NextPageToken; request.PageToken == "" {
			return member, nil
		}
	}
	return nil, refuse("WRONG_ANSWER", "the statements about %s do not come to an end", memberID)
}

// docs: begin follow

// follow reads the two alerts that the submission caused, each in a stream of its own:
// a stream that ends is opened again behind the last cursor.
func (client *Client) follow(subjectID string) error {
	reporting, cursor := pb.NewReportingClient(client.connection), int64(0)
	for _, wanted := range []pb.AlertKind{
		pb.AlertKind_ALERT_KIND_NEW_TRADELINE, pb.AlertKind_ALERT_KIND_FIRST_DELINQUENCY,
	} {
		alert, next, err := firstAlert(reporting, cursor)
		if err != nil {
			return err
		}
		if alert.SubjectId != subjectID || alert.Kind != wanted {
			return refuse("WRONG_ANSWER", "an alert of %v, not %v", alert.Kind, wanted)
		}
		fmt.Println("alert", alert.Kind, "at leaf", alert.CauseLeafIndex)
		cursor = next
	}
	// Dealt with: a stream from cursor 0 begins behind this one from now on.
	_, err := retry(reporting.AcknowledgeAlerts, &pb.AcknowledgeAlertsRequest{Cursor: cursor})
	return err
}

// firstAlert opens a stream behind a cursor and returns its first alert and its cursor.
func firstAlert(reporting pb.ReportingClient, cursor int64) (*pb.Alert, int64, error) {
	open := func(
		ctx context.Context, request *pb.WatchAlertsRequest, options ...grpc.CallOption,
	) (*pb.WatchAlertsResponse, error) {
		stream, err := reporting.WatchAlerts(ctx, request, options...)
		if err != nil {
			return nil, err
		}
		return stream.Recv()
	}
	message, err := retry(open, &pb.WatchAlertsRequest{Cursor: cursor})
	if err != nil {
		return nil, 0, err
	}
	return message.Alert, message.Cursor, nil
}

// docs: end follow

// refused asks under a consent that there is not, and reads why it gets no report.
func (client *Client) refused(subjectID string) error {
	sealed := seal(&pb.Inquiry{
		Header:    client.header(),
		SubjectId: subjectID,
		Purpose:   pb.Purpose_PURPOSE_CREDIT_APPLICATION,
		ConsentId: client.header().RequestId,
	}, client.Signing)
	reporting := pb.NewReportingClient(client.connection)
	_, err := retry(reporting.QueryReport, &pb.QueryReportRequest{Inquiry: sealed})
	told := explain(err)
	if status.Code(err) != codes.PermissionDenied || told.Reason != "CONSENT_REQUIRED" || told.Fix == "" || told.RequestID == "" {
		return fmt.Errorf("refused with %+v", told)
	}
	fmt.Println("refused", told.Reason)
	return nil
}

// verifyFile verifies a saved report against a member's profile.
func verifyFile(folder, path string) error {
	profile, err := loadProfile(folder)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	answer, err := loadReport(text)
	if err != nil {
		return err
	}
	report, err := answer.verify(profile.Trust)
	if err != nil {
		return err
	}
	fmt.Println("verified", report.SubjectId)
	return nil
}
