package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	pb "creditbureau/interop/gen/creditbureau/v1"
)

const savedFormat = "creditbureau/report-bundle/v1"

// Answer is a report with everything that it can be verified by.
type Answer struct {
	Report     *pb.Envelope
	Request    *pb.Envelope
	Receipt    *pb.Receipt        // nil for a subject's own file
	Consent    *pb.ConsentProof   // nil for a subject's own file
	Portfolio  *pb.PortfolioProof // nil for a report that is not a portfolio's
	Evidence   *pb.EvidencePage
	Furnishers []*pb.Member
	Vouchers   []*pb.Member
}

// savedReport is the file's JSON: every part is bytes as they were signed or handed
// out, in base64.
type savedReport struct {
	Format     string    `json:"format"`
	Report     *[]byte   `json:"report"`
	Request    *[]byte   `json:"request"`
	Evidence   *[]byte   `json:"evidence"`
	Furnishers *[][]byte `json:"furnishers"`
	Vouchers   *[][]byte `json:"vouchers"`
	Receipt    *[]byte   `json:"receipt,omitempty"`
	Consent    *[]byte   `json:"consent,omitempty"`
	Portfolio  *[]byte   `json:"portfolio,omitempty"`
}

// save writes a report as a file.
func (answer *Answer) save() []byte {
	file := savedReport{Format: savedFormat, Furnishers: encodeAll(answer.Furnishers),
		Vouchers: encodeAll(answer.Vouchers)}
	report, request, evidence := canonical(answer.Report), canonical(answer.Request), canonical(answer.Evidence)
	file.Report, file.Request, file.Evidence = &report, &request, &evidence
	if answer.Receipt != nil {
		receipt := canonical(answer.Receipt)
		file.Receipt = &receipt
	}
	if answer.Consent != nil {
		consent := canonical(answer.Consent)
		file.Consent = &consent
	}
	if answer.Portfolio != nil {
		portfolio := canonical(answer.Portfolio)
		file.Portfolio = &portfolio
	}
	text, err := json.MarshalIndent(file, "", " ")
	if err != nil {
		panic(err)
	}
	return append(text, '\n')
}

// loadReport reads a saved report without verifying it.
func loadReport(text []byte) (*Answer, error) {
	file := new(savedReport)
	if err := json.Unmarshal(text, file); err != nil {
		return nil, err
	}
	if file.Format != savedFormat {
		return nil, refuse("MALFORMED_MESSAGE", "a saved report has the format %s", savedFormat)
	}
	if file.Report == nil || file.Request == nil || file.Evidence == nil || file.Furnishers == nil || file.Vouchers == nil {
		return nil, refuse("MALFORMED_MESSAGE", "a saved report lacks a part")
	}
	answer := &Answer{Report: new(pb.Envelope), Request: new(pb.Envelope), Evidence: new(pb.EvidencePage)}
	err := firstOf(proto.Unmarshal(*file.Report, answer.Report), proto.Unmarshal(*file.Request, answer.Request),
		proto.Unmarshal(*file.Evidence, answer.Evidence))
	if err == nil && file.Receipt != nil {
		answer.Receipt = new(pb.Receipt)
		err = proto.Unmarshal(*file.Receipt, answer.Receipt)
	}
	if err == nil && file.Consent != nil {
		answer.Consent = new(pb.ConsentProof)
		err = proto.Unmarshal(*file.Consent, answer.Consent)
	}
	if err == nil && file.Portfolio != nil {
		answer.Portfolio = new(pb.PortfolioProof)
		err = proto.Unmarshal(*file.Portfolio, answer.Portfolio)
	}
	for _, data := range *file.Furnishers {
		member := new(pb.Member)
		err = firstOf(err, proto.Unmarshal(data, member))
		answer.Furnishers = append(answer.Furnishers, member)
	}
	for _, data := range *file.Vouchers {
		member := new(pb.Member)
		err = firstOf(err, proto.Unmarshal(data, member))
		answer.Vouchers = append(answer.Vouchers, member)
	}
	return answer, err
}

func encodeAll[Message proto.Message](messages []Message) *[][]byte {
	parts := [][]byte{}
	for _, message := range messages {
		parts = append(parts, canonical(message))
	}
	return &parts
}

func firstOf(errors ...error) error {
	for _, err := range errors {
		if err != nil {
			return err
		}
	}
	return nil
}

// docs: begin report

// verify checks a report, step by step, and returns it.
func (answer *Answer) verify(trust Trust) (*pb.Report, error) {
	// 1. The bureau signed it, with a key that is pinned for reports.
	report := new(pb.Report)
	if _, err := open(answer.Report, report, pinned(trust.ReportKeys)); err != nil {
		return nil, err
	}
	if report.Header.GetSigner() != "bureau" || report.Header.GetAudience() != trust.Origin {
		return nil, refuse("WRONG_ANSWER", "the report is not by this bureau")
	}
	if err := verifyShape(report); err != nil {
		return nil, err
	}
	// 2. It answers this request.
	if !bytes.Equal(report.RequestDigest, digest(answer.Request)) {
		return nil, refuse("WRONG_ANSWER", "the report answers another request")
	}
	level, err := answer.verifyRequest(report, trust)
	if err != nil {
		return nil, err
	}
	// 3. The members' keys are in the log.
	keys, err := loggedKeys(slices.Concat(answer.Furnishers, answer.Vouchers), trust)
	if err != nil {
		return nil, err
	}
	// 4. The member itself asked, and the subject consented to what the report holds; their
	//    own file needs neither.
	if answer.Request.PayloadType != payloadType(new(pb.SubjectRequest)) {
		if err := answer.verifyAsked(keys[report.MemberId]); err != nil {
			return nil, err
		}
		if err := verifyConsent(report, answer.Consent, answer.Receipt, keys, trust); err != nil {
			return nil, err
		}
	}
	// 5. Each piece of evidence says what the report says, and none is missing.
	pieces, err := provedRecords(answer.Evidence)
	if err != nil {
		return nil, err
	}
	for _, piece := range pieces {
		if err := verifyProvenance(report, piece, keys, trust); err != nil {
			return nil, err
		}
	}
	return report, verifyComplete(report, pieces, level)
}

// docs: end report

// verifyAsked checks that a key of the member signed the inquiry that counted at its leaf.
func (answer *Answer) verifyAsked(keys []LoggedKey) error {
	counting, index := map[string]ed25519.PublicKey{}, answer.Receipt.GetLeafIndex()
	for _, held := range keys {
		if held.Start <= index && index < held.End {
			counting[keyID(held.Key)] = held.Key
		}
	}
	var inquiry proto.Message = new(pb.Inquiry)
	if answer.Request.PayloadType != payloadType(inquiry) {
		inquiry = new(pb.PortfolioInquiry)
	}
	_, err := open(answer.Request, inquiry, counting)
	return err
}

// verifyRequest checks a report against the request that it answers and its receipt.
// It returns how much evidence was asked for.
func (answer *Answer) verifyRequest(report *pb.Report, trust Trust) (pb.EvidenceLevel, error) {
	none := pb.EvidenceLevel_EVIDENCE_LEVEL_NONE
	inquiry, portfolio, own := new(pb.Inquiry), new(pb.PortfolioInquiry), new(pb.SubjectRequest)
	var header *pb.Header
	var err error
	level, kind, same := none, "", false
	switch answer.Request.PayloadType {
	case payloadType(inquiry):
		err = peek(answer.Request, inquiry)
		header, level, kind = inquiry.Header, inquiry.Evidence, "inquiry"
		same = report.SubjectId == inquiry.SubjectId && report.ConsentId == inquiry.ConsentId &&
			report.Purpose == inquiry.Purpose && "members/"+report.MemberId == inquiry.Header.GetSigner()
	case payloadType(portfolio):
		err = peek(answer.Request, portfolio)
		header, kind = portfolio.Header, "portfolio-inquiry"
		named := len(portfolio.SubjectIds) == 0 || slices.Contains(portfolio.SubjectIds, report.SubjectId)
		same = named && report.Purpose == portfolio.Purpose && "members/"+report.MemberId == portfolio.Header.GetSigner()
	default:
		err = peek(answer.Request, own)
		header = own.Header
		same = report.MemberId == "" && "subjects/"+report.SubjectId == own.Header.GetSigner() &&
			report.Purpose == pb.Purpose_PURPOSE_SUBJECT_DISCLOSURE
	}
	if err != nil {
		return none, err
	}
	if !same || report.Header.GetRequestId() != header.GetRequestId() {
		return none, refuse("WRONG_ANSWER", "the report is about something else than was asked")
	}
	if kind == "" {
		return none, nil // A subject's own reading is no leaf.
	}
	if _, err := verifyReceipt(answer.Receipt, answer.Request, kind, trust); err != nil {
		return none, err
	}
	if err := answer.verifyCovered(kind); err != nil {
		return none, err
	}
	return level, verifyWitnessed(answer.Receipt.Checkpoint, trust)
}

// verifyCovered checks that the inquiry's leaf commits to the report: to its digest, or to the
// count and the root over the digests of all reports of a portfolio.
func (answer *Answer) verifyCovered(kind string) error {
	sum := sha256.Sum256(answer.Report.Payload)
	if kind == "inquiry" {
		if answer.Portfolio != nil || !bytes.Equal(answer.Receipt.AnswerDigest, sum[:]) {
			return refuse("WRONG_ANSWER", "the receipt covers another report")
		}
		return nil
	}
	place := answer.Portfolio
	if place == nil || place.Count < 0 || place.Count > 10_000 {
		return refuse("BAD_PROOF", "the report has no place in a portfolio")
	}
	lines := fmt.Sprintf("creditbureau/portfolio/v1\n%d\n%x\n", place.Count, place.Root)
	if covered := sha256.Sum256([]byte(lines)); !bytes.Equal(answer.Receipt.AnswerDigest, covered[:]) {
		return refuse("BAD_PROOF", "the receipt covers another portfolio")
	}
	return verifyInclusion(hasher.HashLeaf(sum[:]), int64(place.Index), int64(place.Count), place.Proof, place.Root)
}

// verifyWitnessed checks that enough trusted witnesses have cosigned a checkpoint.
func verifyWitnessed(checkpoint string, trust Trust) error {
	names, err := cosigners(checkpoint, trust.Witnesses)
	if err == nil && len(names) < trust.Quorum {
		err = refuse("NOT_WITNESSED", "%d cosignatures, %d are needed", len(names), trust.Quorum)
	}
	return err
}

// pinned returns keys of a profile by their ids; a weak one does not count.
func pinned(keys []string) map[string]ed25519.PublicKey {
	found := map[string]ed25519.PublicKey{}
	for _, text := range keys {
		raw, err := hex.DecodeString(text)
		if err != nil {
			continue
		}
		if key, err := publicKey(raw); err == nil {
			found[keyID(key)] = key
		}
	}
	return found
}

// verifyBinding checks the file with which a person binds a key to a subject id.
func verifyBinding(file []byte, audience string) (*pb.KeyBinding, error) {
	envelope, binding := new(pb.Envelope), new(pb.KeyBinding)
	if err := proto.Unmarshal(file, envelope); err != nil {
		return nil, err
	}
	if err := peek(envelope, binding); err != nil {
		return nil, err
	}
	if _, err := open(envelope, binding, pinned([]string{hex.EncodeToString(binding.PublicKey)})); err != nil {
		return nil, err
	}
	subject, isSubject := strings.CutPrefix(binding.Header.GetSigner(), "subjects/")
	if !isSubject || subject != binding.SubjectId || binding.Header.GetAudience() != audience {
		return nil, refuse("SIGNER_MISMATCH", "the binding is not its subject's own, for this bureau")
	}
	return binding, nil
}
