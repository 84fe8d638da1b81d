package main

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"os"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"
)

const maxWitnesses = 16

// Trust is what a client pins: from the operator's profile, never from the wire.
type Trust struct {
	Origin       string   `toml:"origin" json:"origin"`
	LogKey       string   `toml:"log_key" json:"log_key"`
	OperatorKey  string   `toml:"operator_key" json:"operator_key"`
	ReportKeys   []string `toml:"report_keys" json:"report_keys"`
	DirectoryKey string   `toml:"directory_key" json:"directory_key"`
	Witnesses    []string `toml:"witnesses" json:"witnesses"`
	Quorum       int      `toml:"quorum" json:"quorum"`
	IssuedOnly   bool     `toml:"issued_identifiers_only" json:"issued_identifiers_only"`
}

// Settings are what profile.toml says.
type Settings struct {
	Member             string   `toml:"member"`
	Addresses          []string `toml:"addresses"`
	DirectoryAddresses []string `toml:"directory_addresses"`
	Trust
}

// Profile is a member's way to one bureau.
type Profile struct {
	Settings
	Signing ed25519.PrivateKey
	TLS     *tls.Config
}

// readSettings reads and checks the text of profile.toml.
func readSettings(text []byte) (*Settings, error) {
	var given map[string]any
	settings := new(Settings)
	if err := toml.Unmarshal(text, &given); err != nil {
		return nil, err
	}
	for _, name := range []string{"member", "addresses", "origin", "log_key", "operator_key", "report_keys", "directory_key"} {
		if _, there := given[name]; !there {
			return nil, refuse("INVALID_FIELD", "profile.toml lacks the setting %s", name)
		}
	}
	if err := toml.Unmarshal(text, settings); err != nil {
		return nil, err
	}
	for _, key := range append([]string{settings.OperatorKey, settings.DirectoryKey}, settings.ReportKeys...) {
		if _, err := hex.DecodeString(key); err != nil {
			return nil, refuse("INVALID_FIELD", "a key is not hex: %v", err)
		}
	}
	different := map[string]bool{}
	for _, key := range settings.Witnesses {
		if _, err := witnessKey(key); err != nil {
			return nil, err
		}
		different[string(rawOf(key))] = true
	}
	if len(settings.Witnesses) > maxWitnesses || settings.Quorum < 0 || settings.Quorum > len(different) {
		return nil, refuse("INVALID_FIELD", "a quorum of %d among %d witnesses", settings.Quorum, len(different))
	}
	return settings, nil
}

// docs: begin profile

// loadProfile reads a member's folder: settings, certificates and keys.
func loadProfile(folder string) (*Profile, error) {
	files := map[string][]byte{}
	for _, name := range []string{"profile.toml", "ca.pem", "tls.pem", "tls.key", "signing.pem"} {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	settings, err := readSettings(files["profile.toml"])
	if err != nil {
		return nil, err
	}
	key, err := signingKey(files["signing.pem"])
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(files["tls.pem"], files["tls.key"])
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(files["ca.pem"])
	secure := &tls.Config{
		RootCAs:      authorities,
		Certificates: []tls.Certificate{certificate},
		MinVersion:   tls.VersionTLS12,
	}
	return &Profile{*settings, key, secure}, nil
}

// docs: end profile
