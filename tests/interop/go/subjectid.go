package main

import (
	"encoding/hex"
	"regexp"
	"strings"
	"unicode"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/oprf"
	"github.com/cloudflare/circl/zk/dleq"
	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

const maxCharacters = 256

var country = regexp.MustCompile("^[A-Z]{2}$")

// docs: begin input

// identifierInput returns COUNTRY|SCHEME|IDENTIFIER in the one spelling of all members.
func identifierInput(parts ...string) (string, error) {
	plain := make([]string, len(parts))
	for place, part := range parts {
		// After each step again: upper case, and what a dash parted, can have other forms.
		upper := norm.NFKC.String(cases.Upper(language.Und).String(norm.NFKC.String(part)))
		kept := norm.NFKC.String(strings.Map(func(char rune) rune {
			if char == '.' || char == '/' || unicode.In(char, unicode.Zs, unicode.Pd) {
				return -1
			}
			return char
		}, upper))
		if kept == "" || strings.ContainsFunc(kept, isUnfit) || len([]rune(kept)) > maxCharacters {
			return "", refuse("INVALID_FIELD", "a part must be plain text of 1 to 256 characters")
		}
		plain[place] = kept
	}
	// "USA" beside "US" would make two subjects of one person.
	if !country.MatchString(plain[0]) {
		return "", refuse("INVALID_FIELD", "country must be the two letters of ISO 3166-1")
	}
	return strings.Join(plain, "|"), nil
}

// isUnfit says of a character that it cannot stand in an identifier: a bar, or one
// that is a control, invisible or not assigned.
func isUnfit(char rune) bool {
	return char == '|' || unicode.In(char, unicode.C, unicode.Cn)
}

// docs: end input

// Blinded is a batch of inputs on its way through the directory.
type Blinded struct {
	client oprf.VerifiableClient
	data   *oprf.FinalizeData
	// Elements are what the directory is sent, 32 bytes each.
	Elements [][]byte
}

// docs: begin blind

// blind hides inputs from the directory. Blinds are random unless given.
func blind(inputs []string, directoryKey []byte, blinds []oprf.Blind) (*Blinded, error) {
	key := new(oprf.PublicKey)
	if err := key.UnmarshalBinary(oprf.SuiteRistretto255, directoryKey); err != nil {
		return nil, refuse("BAD_PROOF", "the directory's key: %v", err)
	}
	client := oprf.NewVerifiableClient(oprf.SuiteRistretto255, key)
	raw := make([][]byte, len(inputs))
	for place, input := range inputs {
		raw[place] = []byte(input)
	}
	data, request, err := client.Blind(raw)
	if blinds != nil {
		data, request, err = client.DeterministicBlind(raw, blinds)
	}
	if err != nil {
		return nil, err
	}
	elements := make([][]byte, len(inputs))
	for place, element := range request.Elements {
		if elements[place], err = element.MarshalBinaryCompress(); err != nil {
			return nil, err
		}
	}
	return &Blinded{client, data, elements}, nil
}

// finalize verifies the directory's answer and returns the subject ids. The answer is
// the proof (c, then s), then an element for each input, 32 bytes each.
func (blinded *Blinded) finalize(answer []byte) ([]string, error) {
	if len(answer) != 64+32*len(blinded.Elements) {
		return nil, refuse("BAD_PROOF", "an answer of %d bytes", len(answer))
	}
	evaluation := &oprf.Evaluation{Proof: new(dleq.Proof)}
	if err := evaluation.Proof.UnmarshalBinary(group.Ristretto255, answer[:64]); err != nil {
		return nil, refuse("BAD_PROOF", "the proof: %v", err)
	}
	for start := 64; start < len(answer); start += 32 {
		element := group.Ristretto255.NewElement()
		if err := element.UnmarshalBinary(answer[start : start+32]); err != nil {
			return nil, refuse("BAD_PROOF", "an element: %v", err)
		}
		evaluation.Elements = append(evaluation.Elements, element)
	}
	outputs, err := blinded.client.Finalize(blinded.data, evaluation)
	if err != nil {
		return nil, refuse("BAD_PROOF", "the directory's answer does not verify: %v", err)
	}
	ids := make([]string, len(outputs))
	for place, output := range outputs {
		ids[place] = hex.EncodeToString(output[:16])
	}
	return ids, nil
}

// docs: end blind
