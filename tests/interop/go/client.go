package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "creditbureau/interop/gen/creditbureau/v1"
)

const (
	// Deadline of one attempt at a signed write.
	writeTime = 30 * time.Second
	// All attempts together: a signed statement is refused five minutes after it was signed.
	budget    = time.Minute
	attempts  = 6
	firstWait = 100 * time.Millisecond
	longWait  = 5 * time.Second
)

// Client is a member's connection to a bureau.
type Client struct {
	*Profile
	connection *grpc.ClientConn
}

// docs: begin connect

// connect opens a connection over mutual TLS. Requests of a batch are large: the
// library's own limit on messages is for answers, of which the largest is a page.
func connect(profile *Profile) (*Client, error) {
	connection, err := grpc.NewClient(
		profile.Addresses[0],
		grpc.WithTransportCredentials(credentials.NewTLS(profile.TLS)),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(16<<20)),
	)
	return &Client{profile, connection}, err
}

// header returns the header of a new statement.
func header(signer, audience string) *pb.Header {
	return &pb.Header{
		Audience:      audience,
		Signer:        signer,
		RequestId:     uuid.NewString(),
		IssueTime:     timestamppb.Now(),
		SchemaVersion: 1,
	}
}

// docs: end connect

// docs: begin retry

// retry calls until an answer comes, the bureau refuses, or time is up. Every attempt
// sends the same bytes: the bureau carries a signed statement out once.
func retry[Request, Reply any](
	call func(context.Context, Request, ...grpc.CallOption) (Reply, error), request Request,
) (Reply, error) {
	giveUp := time.Now().Add(budget)
	for attempt := 1; ; attempt++ {
		ctx, cancel := context.WithTimeout(context.Background(), min(writeTime, time.Until(giveUp)))
		reply, err := call(ctx, request)
		cancel()
		if err == nil {
			return reply, nil
		}
		told := explain(err)
		pause := told.RetryAfter
		if pause == 0 {
			longest := min(firstWait<<(attempt-1), longWait)
			pause = longest/2 + rand.N(longest/2)
		}
		if !told.isRetryable() || attempt == attempts || time.Now().Add(pause).After(giveUp) {
			return reply, err
		}
		time.Sleep(pause)
	}
}

// docs: end retry
