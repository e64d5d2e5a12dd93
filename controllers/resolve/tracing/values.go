package tracing

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
	"github.com/kedify/inference-gateway/xds/ir/logformat"
)

// Bounds of what goes with each span, or with each export.
const (
	maxTags    = 64
	maxText    = 1024 // bytes of a value
	maxName    = 256  // bytes of the name of an attribute
	maxHeaders = 16
	maxService = 253  // bytes of service.name
	maxValue   = 4096 // bytes of a header
)

// readShare returns a fraction in millionths. An error begins behind the name of the field.
func readShare(fraction *gwv1.Fraction) (uint32, error) {
	numerator, denominator := int64(fraction.Numerator), int64(ptr.Deref(fraction.Denominator, 100))
	if denominator <= 0 || numerator < 0 || numerator > denominator {
		return 0, fmt.Errorf(": %d of %d is not a share from 0 to 1", numerator, denominator)
	}
	share := (numerator*ir.Million + denominator/2) / denominator
	if share == 0 && numerator > 0 {
		return 0, fmt.Errorf(": %d of %d is less than one in a million, the smallest share; use 1 of %d, or 0",
			numerator, denominator, ir.Million)
	}
	return uint32(share), nil
}

// readText checks a text that goes with a span.
func readText(text string, most int) error {
	switch {
	case text == "":
		return fmt.Errorf(" is empty")
	case len(text) > most:
		return fmt.Errorf(" has %d bytes, more than %d", len(text), most)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return fmt.Errorf(" is not a text of UTF-8")
	}
	return nil
}

// readHeaders reads the metadata of calls to a collector.
func readHeaders(headers []gwv1.HTTPHeader) ([]ir.Header, error) {
	if len(headers) > maxHeaders {
		return nil, fmt.Errorf(" has %d headers, more than %d", len(headers), maxHeaders)
	}
	var out []ir.Header
	for i, header := range headers {
		name := strings.ToLower(string(header.Name))
		switch err := cmp.Or(check.Header(name, header.Value), ofCall(name), sendable(header.Value)); {
		case err != nil:
			return nil, fmt.Errorf("[%d]: %w", i, err)
		case slices.ContainsFunc(out, func(other ir.Header) bool { return other.Name == name }):
			return nil, fmt.Errorf("[%d]: header %q is there twice", i, name)
		}
		out = append(out, ir.Header{Name: name, Value: header.Value})
	}
	return out, nil
}

// ofCall refuses names that gRPC or the proxy gives a meaning of its own.
func ofCall(name string) error {
	switch {
	case len(name) > maxName:
		return fmt.Errorf("the name has %d bytes, more than %d", len(name), maxName)
	case check.OfConnection(name, ""), name == "content-type", name == "user-agent", strings.HasPrefix(name, "grpc-"):
		return fmt.Errorf("header %q is written by the proxy itself for each call", name)
	case strings.HasSuffix(name, "-bin"):
		return fmt.Errorf("header %q is one of bytes to gRPC, and a text cannot be sent in it", name)
	case check.OfProxy(name):
		return fmt.Errorf("header %q is one of the proxy itself", name)
	}
	return nil
}

// sendable says whether gRPC can send a value: visible characters of ASCII, and spaces between them. Envoy reads a percent sign as the
// beginning of a command operator, of which some read files and the environment.
func sendable(value string) error {
	if len(value) > maxValue {
		return fmt.Errorf("the value has %d bytes, more than %d", len(value), maxValue)
	}
	if value == "" || value != strings.TrimSpace(value) {
		return fmt.Errorf("the value is empty, or begins or ends with a space")
	}
	if strings.Contains(value, "%") {
		return fmt.Errorf("the value has a percent sign, which the proxy takes for a command operator")
	}
	if i := strings.IndexFunc(value, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
		return fmt.Errorf("the value has a character that is not visible ASCII, at %d", i)
	}
	return nil
}

// readHeaderTag reads an attribute that is a header of the request.
func readHeaderTag(name, header, otherwise string) (ir.Tag, error) {
	if err := check.HeaderName(header); err != nil {
		return ir.Tag{}, err
	}
	if check.OfProxy(header) {
		return ir.Tag{}, fmt.Errorf("header %q is removed by the proxy, and has no value", header)
	}
	if otherwise != "" {
		if err := readText(otherwise, maxText); err != nil {
			return ir.Tag{}, fmt.Errorf("the default%w", err)
		}
	}
	return ir.Tag{Name: name, Header: strings.ToLower(header), Default: otherwise}, nil
}

// sortedTags returns tags by name.
func sortedTags(tags map[string]ir.Tag) []ir.Tag {
	out := make([]ir.Tag, 0, len(tags))
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, tags[name])
	}
	return out
}

// readFormat checks a text with command operators.
func readFormat(text string) error {
	if len(text) > maxText {
		return fmt.Errorf("has %d bytes, more than %d", len(text), maxText)
	}
	return logformat.Check(text)
}
