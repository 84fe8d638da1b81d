package main

import (
	"encoding/hex"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/oprf"
	"github.com/cloudflare/circl/zk/dleq"
)

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
