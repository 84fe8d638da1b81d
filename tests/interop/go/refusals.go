package main

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Explained is what the bureau says about a call that it refused.
type Explained struct {
	Code       codes.Code
	Reason     string // empty where the bureau itself did not answer
	Message    string
	Fix        string
	RequestID  string
	Violations []*errdetails.BadRequest_FieldViolation
	RetryAfter time.Duration
}

// docs: begin refusals

// explain reads a refusal from the details of its status.
func explain(err error) Explained {
	answered := status.Convert(err)
	found := Explained{Code: answered.Code(), Message: answered.Message()}
	for _, detail := range answered.Details() {
		switch told := detail.(type) {
		case *errdetails.ErrorInfo:
			if told.Domain == "creditbureau" {
				found.Reason = told.Reason
			}
		case *errdetails.BadRequest:
			found.Violations = told.FieldViolations
		case *errdetails.RetryInfo:
			found.RetryAfter = told.RetryDelay.AsDuration()
		case *errdetails.LocalizedMessage:
			found.Fix = told.Message
		case *errdetails.RequestInfo:
			found.RequestID = told.RequestId
		}
	}
	return found
}

// isRetryable says whether the same bytes may succeed a little later.
func (found Explained) isRetryable() bool {
	switch found.Code {
	case codes.Unavailable, codes.Aborted, codes.DeadlineExceeded:
		return true
	case codes.ResourceExhausted:
		return found.RetryAfter > 0
	}
	return false
}

// docs: end refusals
