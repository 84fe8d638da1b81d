package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	cosignatures "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	pb "creditbureau/interop/gen/creditbureau/v1"
)

const hashBytes = 32

var hasher = rfc6962.DefaultHasher

// rootOf returns the RFC 6962 root over entries.
func rootOf(entries [][]byte) []byte {
	if len(entries) == 0 {
		return hasher.EmptyRoot()
	}
	tree := (&compact.RangeFactory{Hash: hasher.HashChildren}).NewEmptyRange(0)
	for _, entry := range entries {
		if err := tree.Append(hasher.HashLeaf(entry), nil); err != nil {
			panic(err)
		}
	}
	root, err := tree.GetRootHash(nil)
	if err != nil {
		panic(err)
	}
	return root
}

// verifyInclusion checks that a leaf is in a tree (RFC 9162 section 2.1.3.2). The
// library leaves the hashes' lengths to its caller.
func verifyInclusion(leafHash []byte, index, size int64, hashes [][]byte, root []byte) error {
	if index < 0 || size < 0 || !areHashes(append(hashes, leafHash)) {
		return refuse("BAD_PROOF", "an index is not negative, and a hash has 32 bytes")
	}
	if err := proof.VerifyInclusion(hasher, uint64(index), uint64(size), leafHash, hashes, root); err != nil {
		return refuse("BAD_PROOF", "%v", err)
	}
	return nil
}

// verifyConsistency checks that a tree is the start of another (RFC 9162 section
// 2.1.4.2). The empty tree is the start of every tree, so a proof from it says nothing.
func verifyConsistency(first, second int64, firstRoot, secondRoot []byte, hashes [][]byte) error {
	if first < 1 || second < first || !areHashes(append(hashes, firstRoot, secondRoot)) {
		return refuse("BAD_PROOF", "sizes are ordered and not zero, and a hash has 32 bytes")
	}
	err := proof.VerifyConsistency(hasher, uint64(first), uint64(second), hashes, firstRoot, secondRoot)
	if err != nil {
		return refuse("BAD_PROOF", "%v", err)
	}
	return nil
}

func areHashes(hashes [][]byte) bool {
	for _, hash := range hashes {
		if len(hash) != hashBytes {
			return false
		}
	}
	return true
}

// verifierKey reads a C2SP verifier key of a log, and refuses one that is weak.
func verifierKey(text string) (note.Verifier, error) {
	verifier, err := note.NewVerifier(text)
	if err != nil {
		return nil, refuse("MALFORMED_MESSAGE", "not a verifier key: %v", err)
	}
	if _, err := publicKey(rawOf(text)); err != nil {
		return nil, err
	}
	return verifier, nil
}

// witnessKey reads the verifier key of a witness: its type is 4.
func witnessKey(text string) (note.Verifier, error) {
	verifier, err := cosignatures.NewVerifierForCosignatureV1(text)
	if err != nil {
		return nil, refuse("MALFORMED_MESSAGE", "not a witness's verifier key: %v", err)
	}
	_, rest, _ := strings.Cut(text, "+")
	if hash, _, _ := strings.Cut(rest, "+"); hash != fmt.Sprintf("%08x", verifier.KeyHash()) {
		return nil, refuse("MALFORMED_MESSAGE", "the key's hash is not that of a witness's key")
	}
	if _, err := publicKey(rawOf(text)); err != nil {
		return nil, err
	}
	return verifier, nil
}

// rawOf returns the key in a verifier key: what follows its type.
func rawOf(text string) []byte {
	parts := strings.SplitN(text, "+", 3)
	data, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(data) == 0 {
		return nil
	}
	return data[1:]
}

// Checkpoint is a log's size and root, signed.
type Checkpoint struct {
	Size int64
	Root []byte
}

var decimal = regexp.MustCompile(`^(0|[1-9][0-9]{0,18})$`)

// docs: begin checkpoint

// openCheckpoint verifies a log's checkpoint: a C2SP signed note.
func openCheckpoint(text, origin, logKey string) (*Checkpoint, error) {
	verifier, err := verifierKey(logKey)
	if err != nil {
		return nil, err
	}
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return nil, refuse("BAD_PROOF", "the checkpoint does not verify: %v", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != origin || !decimal.MatchString(lines[1]) {
		return nil, refuse("BAD_PROOF", "not a checkpoint of %s", origin)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return nil, refuse("BAD_PROOF", "the size of the log: %v", err)
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != hashBytes {
		return nil, refuse("BAD_PROOF", "a root has 32 bytes, in base64")
	}
	return &Checkpoint{size, root}, nil
}

// docs: end checkpoint

// cosigners returns the names of the trusted witnesses that have cosigned a
// checkpoint. A key counts once, whatever names it goes by.
func cosigners(text string, witnesses []string) ([]string, error) {
	names, seen := []string{}, map[string]bool{}
	for _, key := range witnesses {
		verifier, err := witnessKey(key)
		if err != nil {
			return nil, err
		}
		_, err = note.Open([]byte(text), note.VerifierList(verifier))
		if err == nil && !seen[string(rawOf(key))] {
			seen[string(rawOf(key))] = true
			names = append(names, verifier.Name())
		}
	}
	return names, nil
}

var leafKind = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// docs: begin leaf

// leafText returns the five lines that a leaf commits to.
func leafText(kind string, envelopeDigest, answerDigest []byte, timeMicros int64) string {
	answer := "-"
	if len(answerDigest) > 0 {
		answer = hex.EncodeToString(answerDigest)
	}
	return fmt.Sprintf("creditbureau/leaf/v1\n%s\n%x\n%s\n%d\n", kind, envelopeDigest, answer, timeMicros)
}

// commitment returns the log's entry: HMAC-SHA256 of the text under the salt.
func commitment(text string, salt []byte) []byte {
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// verifyReceipt checks that a statement is in the log, as an entry of a kind.
func verifyReceipt(receipt *pb.Receipt, envelope *pb.Envelope, kind string, trust Trust) (*Checkpoint, error) {
	if receipt.GetKind() != kind || !leafKind.MatchString(kind) {
		return nil, refuse("BAD_PROOF", "a receipt of kind %q, not %q", receipt.GetKind(), kind)
	}
	answer, at := receipt.AnswerDigest, receipt.LogTime
	// HMAC takes a shorter salt, and one with zeros behind it, for the same.
	if len(receipt.Salt) != 32 || len(answer) != 0 && len(answer) != 32 || at.GetNanos()%1000 != 0 {
		return nil, refuse("BAD_PROOF", "a salt and a digest have 32 bytes, a time microseconds")
	}
	checkpoint, err := openCheckpoint(receipt.Checkpoint, trust.Origin, trust.LogKey)
	if err != nil {
		return nil, err
	}
	micros := at.GetSeconds()*1_000_000 + int64(at.GetNanos())/1000
	text := leafText(kind, digest(envelope), answer, micros)
	leaf := hasher.HashLeaf(commitment(text, receipt.Salt))
	return checkpoint, verifyInclusion(leaf, receipt.LeafIndex, checkpoint.Size, receipt.Proof, checkpoint.Root)
}

// docs: end leaf

// verifyTextReceipt checks a receipt in its text form, a C2SP tlog-proof.
func verifyTextReceipt(text string, envelopeDigest []byte, trust Trust) error {
	head, signed, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || len(lines) > 3+63 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return refuse("MALFORMED_MESSAGE", "not a tlog-proof")
	}
	extra, isExtra := strings.CutPrefix(lines[1], "extra ")
	number, isIndex := strings.CutPrefix(lines[2], "index ")
	opening, err := base64.StdEncoding.Strict().DecodeString(extra)
	if !isExtra || !isIndex || err != nil || len(opening) < 32 || !decimal.MatchString(number) {
		return refuse("MALFORMED_MESSAGE", "a receipt has extra data and an index")
	}
	index, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return refuse("MALFORMED_MESSAGE", "the index: %v", err)
	}
	var hashes [][]byte
	for _, line := range lines[3:] {
		hash, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil {
			return refuse("MALFORMED_MESSAGE", "a line of the proof: %v", err)
		}
		hashes = append(hashes, hash)
	}
	salt, statement := opening[:32], string(opening[32:])
	told := strings.Split(statement, "\n")
	if len(told) != 6 || told[0] != "creditbureau/leaf/v1" || told[2] != hex.EncodeToString(envelopeDigest) {
		return refuse("BAD_PROOF", "the receipt is for another statement")
	}
	checkpoint, err := openCheckpoint(signed, trust.Origin, trust.LogKey)
	if err != nil {
		return err
	}
	leaf := hasher.HashLeaf(commitment(statement, salt))
	return verifyInclusion(leaf, index, checkpoint.Size, hashes, checkpoint.Root)
}

// verifyBatch checks that records are the ones of a manifest.
func verifyBatch(records [][]byte, manifest *pb.SubmissionManifest) error {
	if int(manifest.RecordCount) != len(records) || !bytes.Equal(manifest.RecordsRoot, rootOf(records)) {
		return refuse("ROOT_MISMATCH", "the records do not hash to the root that was signed")
	}
	return nil
}
