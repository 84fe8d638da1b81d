package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

const maxCharacters = 256

// registryFile is a copy of protos/vectors/identifiers.json.
//
//go:embed identifiers.json
var registryFile []byte

var registry = readRegistry(registryFile)

// docs: begin registry

// Registry has the countries and the identifier schemes that all members know.
type Registry struct {
	Countries string
	Alphabets map[string]string
	Scheme    []Scheme
}

// Scheme is the form of the identifiers of one country; "*" is any country.
type Scheme struct {
	Country, Name, Form, Shape string
	Shortest, Date             int
	Check                      []struct {
		Method         string
		Weights        []int
		Modulus, Total int
		TenAsZero      bool `json:"ten_as_zero"`
	}
	Issued []struct {
		At     int
		Values []string
	}
	NeverIssued []string `json:"never_issued"`
}

// docs: end registry

func readRegistry(text []byte) Registry {
	var file struct{ Registry Registry }
	if err := json.Unmarshal(text, &file); err != nil {
		panic(err)
	}
	return file.Registry
}

// docs: begin input

// identifierInput returns COUNTRY|SCHEME|IDENTIFIER in the one spelling of all members.
func identifierInput(country, scheme, identifier string, issuedOnly bool) (string, error) {
	parts := []string{country, scheme, identifier}
	for place, part := range parts {
		plain, err := plainPart(part)
		if err != nil {
			return "", err
		}
		parts[place] = plain
	}
	if !slices.Contains(strings.Fields(registry.Countries), parts[0]) {
		return "", refuse("INVALID_FIELD", "the country must be the two letters of ISO 3166-1")
	}
	for _, known := range registry.Scheme {
		name, _ := plainPart(known.Name)
		if name == parts[1] && (known.Country == parts[0] || known.Country == "*") {
			if err := known.check(parts[2], issuedOnly); err != nil {
				return "", err
			}
			return strings.Join(parts, "|"), nil
		}
	}
	return "", refuse("INVALID_FIELD", "%s has no such identifier scheme", parts[0])
}

// plainPart returns a part in upper case, without spaces, dashes, dots and slashes.
func plainPart(part string) (string, error) {
	// After each step again: upper case, and what a dash parted, can have other forms.
	upper := norm.NFKC.String(cases.Upper(language.Und).String(norm.NFKC.String(part)))
	kept := norm.NFKC.String(strings.Map(func(char rune) rune {
		if char == '.' || char == '/' || unicode.In(char, unicode.Zs, unicode.Pd) {
			return -1
		}
		return char
	}, upper))
	unfit := func(char rune) bool { return char == '|' || unicode.In(char, unicode.C, unicode.Cn) }
	if kept == "" || strings.ContainsFunc(kept, unfit) || len([]rune(kept)) > maxCharacters {
		return "", refuse("INVALID_FIELD", "a part must be plain text of 1 to 256 characters")
	}
	return kept, nil
}

// check returns an error unless a number is one of the scheme.
func (scheme Scheme) check(number string, issuedOnly bool) error {
	shortest := scheme.Shortest
	if shortest == 0 {
		shortest = len(scheme.Shape)
	}
	if len(number) < shortest || len(number) > len(scheme.Shape) {
		return refuse("INVALID_FIELD", "write %s", scheme.Form)
	}
	values := make([]int, len(number))
	for place := range number {
		alphabet := registry.Alphabets[scheme.Shape[place:place+1]]
		if values[place] = strings.IndexByte(alphabet, number[place]); values[place] < 0 {
			return refuse("INVALID_FIELD", "write %s", scheme.Form)
		}
	}
	if scheme.Date > 0 {
		if _, err := time.Parse("20060102", number[scheme.Date-1:scheme.Date+7]); err != nil {
			return refuse("INVALID_FIELD", "the date is none")
		}
	}
	for _, check := range scheme.Check {
		covered, wanted := len(values)-1, 0
		switch check.Method {
		case "luhn":
			wanted = luhn(values[:covered])
		case "mod-11-10":
			wanted = mod1110(values[:covered])
		case "weights":
			covered, wanted = len(check.Weights), check.Total
			for place, weight := range check.Weights {
				wanted -= values[place] * weight
			}
			wanted = (wanted%check.Modulus + check.Modulus) % check.Modulus
			alphabet := registry.Alphabets[scheme.Shape[covered:covered+1]]
			if check.TenAsZero && wanted >= len(alphabet) {
				wanted = 0
			}
		default:
			panic(fmt.Sprintf("the method %s", check.Method))
		}
		if values[covered] != wanted {
			return refuse("INVALID_FIELD", "the check character does not fit the others")
		}
	}
	if issuedOnly && !scheme.issued(number) {
		return refuse("INVALID_FIELD", "a number that was never issued")
	}
	return nil
}

// issued is false for a number of the right form that was never issued.
func (scheme Scheme) issued(number string) bool {
	for _, rule := range scheme.Issued {
		starts := func(value string) bool { return strings.HasPrefix(number[rule.At-1:], value) }
		if !slices.ContainsFunc(rule.Values, starts) {
			return false
		}
	}
	for _, pattern := range scheme.NeverIssued {
		like := len(pattern) == len(number)
		for place := 0; like && place < len(number); place++ {
			like = pattern[place] == '.' || pattern[place] == number[place]
		}
		if like {
			return false
		}
	}
	return true
}

// luhn is the check digit of ISO/IEC 7812-1.
func luhn(digits []int) int {
	sum := 0
	for place, digit := range digits {
		if (len(digits)-place)%2 == 1 {
			digit = 2*digit/10 + 2*digit%10
		}
		sum += digit
	}
	return (10 - sum%10) % 10
}

// mod1110 is the check digit of ISO 7064, MOD 11,10.
func mod1110(digits []int) int {
	rest := 10
	for _, digit := range digits {
		sum := (rest + digit) % 10
		if sum == 0 {
			sum = 10
		}
		rest = 2 * sum % 11
	}
	return (11 - rest) % 10
}

// docs: end input
