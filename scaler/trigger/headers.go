package trigger

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/ir/check"
	"github.com/kedify/inference-gateway/xds/ir/regex"
)

const (
	// maxHeaders is gwv1.HTTPRouteMatch.Headers'.
	maxHeaders = 16
	// maxHeaderText bounds what is parsed, in bytes.
	maxHeaderText = 8 << 10
)

// Fields of an item of headers.
const (
	fieldHeaderName     = "name"
	fieldHeaderValue    = "value"
	fieldHeaderWildcard = "valueWildcard"
	fieldHeaderRegex    = "valueRegex"
)

var headerFields = []string{fieldHeaderName, fieldHeaderValue, fieldHeaderWildcard, fieldHeaderRegex}

// headers is a list in YAML, hence also in JSON.
func (r *reader) headers() []v1alpha1.HTTPScalerHeader {
	text := r.text(keyHeaders)
	if text == "" {
		return nil
	}
	items, err := sequence(r.trigger.Metadata[keyHeaders]) // as it is, the space before the first item means something
	if err != nil {
		r.refuse(keyHeaders, "headers is wrong: %v; write a list like [{name: x-team, value: red}]", err)
		return nil
	}
	if len(items) == 0 {
		r.refuse(keyHeaders, "headers %s is an empty list; add an item, or leave the key out", quote(text))
	}
	if len(items) > maxHeaders {
		r.refuse(keyHeaders, "headers has %d items and a route takes %d; match fewer", len(items), maxHeaders)
		return nil
	}
	var headers []v1alpha1.HTTPScalerHeader
	for i, item := range items {
		header, err := headerOf(item)
		if err != nil {
			r.refuse(keyHeaders, "headers item %d: %v", i+1, err)
			continue
		}
		if slices.ContainsFunc(headers, func(h v1alpha1.HTTPScalerHeader) bool { return h.Name == header.Name }) {
			r.refuse(keyHeaders, "headers has %s twice and all items must match; make one trigger for each value", quote(header.Name))
			continue
		}
		headers = append(headers, header)
	}
	return headers
}

// sequence parses one YAML document, a list.
func sequence(text string) ([]*yaml.Node, error) {
	if len(text) > maxHeaderText {
		return nil, fmt.Errorf("it is longer than %d bytes", maxHeaderText)
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		return nil, fmt.Errorf("%s is no YAML", quote(text))
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("it has more than one YAML document")
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("%s is no list", quote(text))
	}
	return document.Content[0].Content, nil
}

// headerOf takes one item of the list.
func headerOf(item *yaml.Node) (v1alpha1.HTTPScalerHeader, error) {
	fields, err := scalars(item, headerFields)
	if err != nil {
		return v1alpha1.HTTPScalerHeader{}, err
	}
	name, found := fields[fieldHeaderName]
	if !found {
		return v1alpha1.HTTPScalerHeader{}, errors.New("name is missing; add the name of the header")
	}
	header := v1alpha1.HTTPScalerHeader{Name: strings.ToLower(name)}
	if err := checkHeaderName(name); err != nil {
		return header, err
	}
	for _, match := range []struct {
		field string
		into  **string
		check func(string) error
	}{
		{fieldHeaderValue, &header.Value, checkHeaderValue},
		{fieldHeaderWildcard, &header.ValueWildcard, checkHeaderValue},
		{fieldHeaderRegex, &header.ValueRegex, checkHeaderRegex},
	} {
		value, found := fields[match.field]
		if !found {
			continue
		}
		if value == "" {
			return header, fmt.Errorf("%s is empty; leave it out if the header must only be there", match.field)
		}
		if err := match.check(value); err != nil {
			return header, fmt.Errorf("%s %s %w", match.field, quote(value), err)
		}
		*match.into = &value
	}
	if header.Value != nil && check.Unseen(name, *header.Value) {
		return header, fmt.Errorf("value %s is removed from the header %s before the proxy compares requests; match another one",
			quote(*header.Value), quote(name))
	}
	if len(fields) > 2 {
		return header, errors.New("more than one of value, valueWildcard and valueRegex; keep one")
	}
	return header, nil
}

// scalars returns the fields of a YAML mapping, as they are written.
func scalars(item *yaml.Node, allowed []string) (map[string]string, error) {
	if item.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("it is no mapping; begin it with the field %s", allowed[0])
	}
	fields := map[string]string{}
	for i := 0; i+1 < len(item.Content); i += 2 {
		key, value := item.Content[i], item.Content[i+1]
		if key.Kind != yaml.ScalarNode || !slices.Contains(allowed, key.Value) {
			return nil, fmt.Errorf("field %s is not known; use %s", quote(key.Value), either(allowed))
		}
		if _, twice := fields[key.Value]; twice {
			return nil, fmt.Errorf("field %s is there twice; keep one", key.Value)
		}
		if value.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("field %s is no text; put one value in quotes", key.Value)
		}
		fields[key.Value] = value.Value
		if value.Tag == "!!null" {
			fields[key.Value] = ""
		}
	}
	return fields, nil
}

const (
	// maxHeaderName is that of gwv1.HTTPHeaderMatch. maxHeaderValue is a little less than half
	// of its, so that HeaderPattern fits even if every character has to be escaped.
	maxHeaderName  = 256
	maxHeaderValue = 2000
	// maxHeaderRegex is more than an expression for one header has to be, in bytes.
	maxHeaderRegex = 512
	// anyCase around an expression makes it one for every case.
	anyCase = "(?i:%s)"
)

// headerValuePattern is gwv1.HTTPHeaderMatch.Value's of the experimental channel.
var headerValuePattern = regexp.MustCompile(`^[!-~]+([\t ]?[!-~]+)*$`)

// HeaderPattern returns the RE2 expression that the whole value of a header must match, fit
// for a gwv1.HTTPHeaderMatch of type RegularExpression. Empty: Value is compared exactly.
func HeaderPattern(h v1alpha1.HTTPScalerHeader) string {
	switch {
	case h.ValueRegex != nil:
		return fmt.Sprintf(anyCase, *h.ValueRegex)
	case h.ValueWildcard != nil:
		return wildcardPattern(*h.ValueWildcard)
	case h.Value != nil:
		return ""
	default:
		return ".*"
	}
}

func wildcardPattern(wildcard string) string {
	literal := regexp.QuoteMeta(wildcard)
	return fmt.Sprintf(anyCase, strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(literal))
}

func checkHeaderName(name string) error {
	if err := check.HeaderName(name); err != nil {
		return fmt.Errorf("name %s is not the name of a header; use letters, digits and dashes", quote(name))
	}
	if len(name) > maxHeaderName {
		return fmt.Errorf("name %s is longer than %d bytes; shorten it", quote(name), maxHeaderName)
	}
	if strings.EqualFold(name, "host") {
		return fmt.Errorf("name %s is not compared as a header; use hosts", quote(name))
	}
	if check.Removed(name) {
		return fmt.Errorf("name %s is that of a header which the proxy removes before it compares requests; match another one", quote(name))
	}
	return nil
}

func checkHeaderValue(value string) error {
	if !headerValuePattern.MatchString(value) {
		return errors.New("has a character that is not compared; use visible ASCII with single spaces in between")
	}
	if len(value) > maxHeaderValue {
		return fmt.Errorf("is too long; use at most %d bytes", maxHeaderValue)
	}
	return nil
}

func checkHeaderRegex(expression string) error {
	if len(expression) > maxHeaderRegex {
		return fmt.Errorf("is too long; use at most %d bytes", maxHeaderRegex)
	}
	for _, whole := range []string{expression, fmt.Sprintf(anyCase, expression)} {
		if _, err := regex.Size(whole); err != nil {
			return fmt.Errorf("cannot be used as an RE2 expression (%w); correct it", err)
		}
	}
	return checkHeaderValue(expression)
}
