package main

import (
	"math"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "creditbureau/interop/gen/creditbureau/v1"
)

// answerLate is the time by which an answer's leaf may pass the end of its request.
const answerLate = 120 * time.Second

const (
	pending   = pb.ConsentRequestState_CONSENT_REQUEST_STATE_PENDING
	granted   = pb.ConsentRequestState_CONSENT_REQUEST_STATE_GRANTED
	narrowed  = pb.ConsentRequestState_CONSENT_REQUEST_STATE_NARROWED
	declined  = pb.ConsentRequestState_CONSENT_REQUEST_STATE_DECLINED
	withdrawn = pb.ConsentRequestState_CONSENT_REQUEST_STATE_WITHDRAWN
)

// docs: begin requests

// verifyRequests checks the consent requests of one reply, which are the caller's, and returns by
// request id the state that the signed answer of each leads to.
func verifyRequests(reply *pb.ListConsentRequestsResponse, caller string, members map[string][]LoggedKey, trust Trust) (map[string]pb.ConsentRequestState, error) {
	bound, err := bindKeys(reply.Keys, members, trust)
	if err != nil {
		return nil, err
	}
	states := map[string]pb.ConsentRequestState{}
	for _, view := range reply.Requests {
		// 1. The member signed the request, to this caller or as this caller.
		request := view.ErasedRequest
		if view.Request.GetEnvelope() != nil {
			request = new(pb.ConsentRequest)
			if _, err := openByMember(view.Request, "consent-request", request, members, trust); err != nil {
				return nil, err
			}
		} else if request.GetHeader() == nil || request.Text != "" {
			return nil, refuse("BAD_PROOF", "the statement of a consent request is missing")
		}
		if caller != "subjects/"+request.SubjectId && caller != request.Header.Signer {
			return nil, refuse("WRONG_ANSWER", "the consent request is not the caller's")
		}
		if request.Header.RequestId != view.ConsentRequestId {
			return nil, refuse("WRONG_ANSWER", "the consent request is shown under another id")
		}
		// 2. It has one answer at most, after it and before its end.
		state := pending
		if view.Answer != nil {
			late := view.Answer.Receipt.GetLogTime().AsTime().Sub(request.ExpireTime.AsTime())
			if view.Answer.Receipt.GetLeafIndex() <= view.Request.Receipt.GetLeafIndex() || late >= answerLate {
				return nil, refuse("BAD_PROOF", "the answer comes before its request, or after its end")
			}
			if state, err = answered(view.Answer, request, bound, members, trust); err != nil {
				return nil, err
			}
		}
		// 3. The bureau shows that state; without an answer the time ends a request.
		ended := view.State == pb.ConsentRequestState_CONSENT_REQUEST_STATE_EXPIRED
		if view.State != state && !(state == pending && ended) {
			return nil, refuse("WRONG_ANSWER", "the consent request is shown as %v, its statements make it %v", view.State, state)
		}
		states[view.ConsentRequestId] = state
	}
	return states, nil
}

// docs: end requests

// answered verifies the answer to a request, and returns the state that it leads to.
func answered(logged *pb.LoggedStatement, request *pb.ConsentRequest, bound subjectKeys, members map[string][]LoggedKey, trust Trust) (pb.ConsentRequestState, error) {
	subject, state, id := request.SubjectId, declined, ""
	switch kind := logged.GetEnvelope().GetPayloadType(); {
	case logged.Envelope == nil:
		// The words of a decline were erased, and its statement with them.
		if logged.Receipt.Kind != "consent-request-decline" {
			return pending, refuse("BAD_PROOF", "the statement of an answer is missing")
		}
		return declined, nil
	case kind == payloadType(new(pb.Consent)):
		consent := new(pb.Consent)
		if _, err := bound.open(logged, "consent", subject, consent, trust); err != nil {
			return pending, err
		}
		if consent.SubjectId != subject || "members/"+consent.Grantee != request.Header.Signer {
			return pending, refuse("WRONG_ANSWER", "the consent is for another member")
		}
		widths := widthsOf(consent, request)
		if slices.Max(widths) > 0 {
			return pending, refuse("WRONG_ANSWER", "the consent is wider than its request")
		}
		state, id = granted, consent.ConsentRequestId
		if slices.Min(widths) < 0 {
			state = narrowed
		}
	case kind == payloadType(new(pb.ConsentRequestDecline)):
		decline := new(pb.ConsentRequestDecline)
		if _, err := bound.open(logged, "consent-request-decline", subject, decline, trust); err != nil {
			return pending, err
		}
		id = decline.ConsentRequestId
	default:
		withdrawal := new(pb.ConsentRequestWithdrawal)
		if _, err := openByMember(logged, "consent-request-withdrawal", withdrawal, members, trust); err != nil {
			return pending, err
		}
		if withdrawal.Header.Signer != request.Header.Signer || withdrawal.SubjectId != subject {
			return pending, refuse("WRONG_ANSWER", "the withdrawal is of another request")
		}
		state, id = withdrawn, withdrawal.ConsentRequestId
	}
	if id != request.Header.RequestId {
		return pending, refuse("WRONG_ANSWER", "the answer is to another request")
	}
	return state, nil
}

// widthsOf compares a consent with its request field by field: below zero where the consent is
// narrower, above zero where it is wider.
func widthsOf(consent *pb.Consent, request *pb.ConsentRequest) []int {
	period := durationpb.New(consent.ExpireTime.AsTime().Sub(consent.StartTime.AsTime()))
	start := 0
	if consent.StartTime.AsTime().After(request.ExpireTime.AsTime()) {
		start = -1
	}
	mode := 0
	if consent.Mode != request.Mode {
		mode = 1
		if consent.Mode == pb.ConsentMode_CONSENT_MODE_VIEW {
			mode = -1
		}
	}
	return []int{
		setWidth(consent.Actions, request.Actions),
		setWidth(consent.Purposes, request.Purposes),
		setWidth(consent.Sections, request.Sections),
		setWidth(allTypes(consent.PortfolioTypes), allTypes(request.PortfolioTypes)),
		width(int64(consent.HistoryMonths), int64(request.HistoryMonths)),
		width(int64(period.AsDuration()), int64(request.Period.AsDuration())),
		start,
		width(most(consent.MaxUses), most(request.MaxUses)),
		frequencyWidth(consent.Frequency, request.Frequency),
		mode,
		width(int64(consent.DataLife.AsDuration()), int64(request.DataLife.AsDuration())),
	}
}

func width(own, other int64) int {
	switch {
	case own > other:
		return 1
	case own < other:
		return -1
	}
	return 0
}

func setWidth[Code comparable](own, other []Code) int {
	for _, code := range own {
		if !slices.Contains(other, code) {
			return 1
		}
	}
	return width(int64(len(own)), int64(len(other)))
}

// allTypes returns every kind of facility where none is named.
func allTypes(named []pb.PortfolioType) []pb.PortfolioType {
	if len(named) > 0 {
		return named
	}
	for code := range pb.PortfolioType_name {
		if code != 0 {
			named = append(named, pb.PortfolioType(code))
		}
	}
	return named
}

// most returns a number of uses, of which 0 is no limit.
func most(uses int32) int64 {
	if uses == 0 {
		return math.MaxInt64
	}
	return int64(uses)
}

// days has the days of the longest period of each unit.
var days = map[pb.FrequencyUnit]int64{
	pb.FrequencyUnit_FREQUENCY_UNIT_DAY:   1,
	pb.FrequencyUnit_FREQUENCY_UNIT_MONTH: 31,
	pb.FrequencyUnit_FREQUENCY_UNIT_YEAR:  366,
}

// frequencyWidth compares by the most uses in one period of the request's unit.
func frequencyWidth(own, other *pb.Frequency) int {
	switch {
	case own == nil && other == nil:
		return 0
	case own == nil:
		return 1
	case other == nil:
		return -1
	}
	uses := int64(own.Value)
	if days[own.Unit] < days[other.Unit] {
		if own.Unit == pb.FrequencyUnit_FREQUENCY_UNIT_MONTH {
			uses *= 12
		} else {
			uses *= days[other.Unit]
		}
	}
	switch {
	case uses > int64(other.Value):
		return 1
	case own.Unit == other.Unit && own.Value == other.Value:
		return 0
	}
	return -1
}
