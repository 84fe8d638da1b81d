package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"

	"filippo.io/edwards25519"
)

// publicKey returns an Ed25519 key that is safe to verify with. Go's own library
// takes keys that the bureau refuses: points of small order, in part or whole, and
// encodings that are not the canonical one.
func publicKey(raw []byte) (ed25519.PublicKey, error) {
	if len(raw) != ed25519.PublicKeySize {
		return nil, refuse("WEAK_KEY", "a public key has 32 bytes, not %d", len(raw))
	}
	point, err := new(edwards25519.Point).SetBytes(raw)
	if err != nil || !bytes.Equal(point.Bytes(), raw) {
		return nil, refuse("WEAK_KEY", "%x is no canonical point of the curve", raw)
	}
	identity := edwards25519.NewIdentityPoint()
	one, _ := edwards25519.NewScalar().SetCanonicalBytes(append([]byte{1}, make([]byte, 31)...))
	orderLessOne := edwards25519.NewScalar().Negate(one)
	multiple := new(edwards25519.Point).ScalarMult(orderLessOne, point)
	multiple.Add(multiple, point)
	if point.Equal(identity) == 1 || multiple.Equal(identity) != 1 {
		return nil, refuse("WEAK_KEY", "%x is not of prime order", raw)
	}
	return ed25519.PublicKey(raw), nil
}

// spki returns the DER SubjectPublicKeyInfo of a key (RFC 8410).
func spki(key ed25519.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err) // An Ed25519 key always has one.
	}
	return der
}

// keyID returns what names a key: lower-case hex SHA-256 of its SubjectPublicKeyInfo.
func keyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(spki(key))
	return hex.EncodeToString(sum[:])
}

// signingKey reads a PKCS#8 PEM that is not encrypted.
func signingKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, refuse("MALFORMED_MESSAGE", "the signing key is no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, refuse("LOCKED_KEY", "the signing key does not open: %v", err)
	}
	own, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, refuse("MALFORMED_MESSAGE", "the signing key is of another kind than Ed25519")
	}
	return own, nil
}
