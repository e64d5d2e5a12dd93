package sweep

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"unicode/utf8"

	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
)

// maxCopies is how many items a list without a limit is tried with.
const maxCopies = 300

// values returns what is tried in a field: its bounds, what is beyond them, and what is odd. valid is
// what a valid object has there, or a sample.
func values(s *structuralschema.Structural, valid any) []any {
	switch {
	case s.XIntOrString:
		return append(integersOf(s), stringsOf(s, valid)...)
	case s.Type == "integer" || s.Type == "number":
		return integersOf(s)
	case s.Type == "boolean":
		return []any{true, false, "true"}
	case s.Type == "string":
		return stringsOf(s, valid)
	case s.Type == "array":
		return listsOf(s, valid)
	case s.Type == "object" && s.AdditionalProperties != nil:
		return mapsOf(s)
	case s.Type == "object" && len(s.Properties) > 0:
		return []any{map[string]any{}, nil, []any{}}
	default: // any value
		return []any{map[string]any{}, map[string]any{"a": "b"}, []any{}, "a", int64(1), true, nil}
	}
}

func integersOf(s *structuralschema.Structural) []any {
	found := []int64{
		-1, 0, 1, 2, 3, 10, 53, 80, 99, 100, 199, 200, 300, 399, 404, 443, 500, 599, 600, 999, 1000, 1001, math.MaxUint16, math.MaxUint16 + 1,
		1_000_000, 1_000_001, math.MaxInt32, math.MaxInt32 + 1, math.MinInt32, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64, math.MinInt64,
	}
	if v := s.ValueValidation; v != nil {
		for _, bound := range []*float64{v.Minimum, v.Maximum} {
			if bound != nil {
				found = append(found, int64(*bound)-1, int64(*bound), int64(*bound)+1)
			}
		}
	}
	slices.Sort(found)
	out := []any{"1", 1.5, nil}
	for _, number := range slices.Compact(found) {
		out = append(out, number)
	}
	return append(out, enumerated(s)...)
}

func stringsOf(s *structuralschema.Structural, valid any) []any {
	text, _ := valid.(string)
	tried := slices.Concat(texts, grown(text))
	if v := s.ValueValidation; v != nil && v.MaxLength != nil {
		tried = append(tried, ofLength(text, *v.MaxLength), ofLength(text, *v.MaxLength+1))
	} else {
		tried = append(tried, ofLength(text, 1<<17))
	}
	slices.Sort(tried)
	out := []any{nil, int64(1)}
	for _, text := range slices.Compact(tried) {
		if utf8.ValidString(text) { // JSON has no other texts
			out = append(out, text)
		}
	}
	return append(out, enumerated(s)...)
}

func enumerated(s *structuralschema.Structural) (out []any) {
	if s.ValueValidation != nil {
		for _, value := range s.ValueValidation.Enum {
			out = append(out, value.Object)
		}
	}
	return out
}

// listsOf has as many items as are allowed, one fewer and one more; items are told apart where the schema
// wants keys, and are the same otherwise.
func listsOf(s *structuralschema.Structural, valid any) []any {
	item := sample(s.Items)
	if items, is := valid.([]any); is && len(items) > 0 {
		item = items[0]
	}
	counts := []int64{0, 1, 2, 3, 16, 17}
	limit := int64(maxCopies)
	if v := s.ValueValidation; v != nil {
		if v.MinItems != nil {
			counts = append(counts, max(0, *v.MinItems-1), *v.MinItems)
		}
		if v.MaxItems != nil && *v.MaxItems < limit {
			limit = *v.MaxItems
		}
	}
	slices.Sort(counts)
	out := []any{nil, map[string]any{}, []any{copied(item), copied(item)}}
	for _, count := range slices.Compact(append(counts, limit, limit+1)) {
		items := make([]any, 0, count)
		for i := range count {
			items = append(items, numbered(s, copied(item), i))
		}
		out = append(out, items)
	}
	return out
}

// numbered is an item with another identity.
func numbered(s *structuralschema.Structural, item any, number int64) any {
	if number == 0 {
		return item
	}
	switch item := item.(type) {
	case string:
		return fmt.Sprintf("%s%d", item, number)
	case map[string]any:
		for _, key := range s.XListMapKeys {
			switch value := item[key].(type) {
			case string:
				item[key] = fmt.Sprintf("%s%d", value, number)
			case int64:
				item[key] = value + number
			}
		}
	}
	return item
}

// mapsOf are those that labels, annotations and options are written with.
func mapsOf(s *structuralschema.Structural) []any {
	out := []any{nil, map[string]any{}, []any{}}
	value := any("a")
	if inner := s.AdditionalProperties.Structural; inner != nil {
		value = sample(inner)
		for _, tried := range values(inner, value) {
			if tried != nil {
				out = append(out, map[string]any{"a": copied(tried)})
			}
		}
	}
	for _, key := range texts {
		out = append(out, map[string]any{key: copied(value)})
	}
	many := map[string]any{}
	for i := range maxCopies {
		many[fmt.Sprintf("a%d", i)] = copied(value)
	}
	return append(out, many)
}

// sample is a small value that the schema takes, as far as the schema alone says.
func sample(s *structuralschema.Structural) any {
	if s == nil {
		return map[string]any{}
	}
	if s.Default.Object != nil {
		return copied(s.Default.Object)
	}
	if found := enumerated(s); len(found) > 0 {
		return found[0]
	}
	switch s.Type {
	case "integer", "number":
		if v := s.ValueValidation; v != nil && v.Minimum != nil {
			return max(1, int64(*v.Minimum))
		}
		return int64(1)
	case "boolean":
		return true
	case "string":
		return sampleText(s)
	case "array":
		return []any{sample(s.Items)}
	default:
		fields := map[string]any{}
		if s.ValueValidation != nil {
			for _, name := range s.ValueValidation.Required {
				if property, known := s.Properties[name]; known {
					fields[name] = sample(&property)
				}
			}
		}
		return fields
	}
}

func sampleText(s *structuralschema.Structural) any {
	v := s.ValueValidation
	if v == nil || v.Pattern == "" {
		return "a"
	}
	pattern, err := regexp.Compile(v.Pattern)
	if err != nil {
		return "a"
	}
	for _, text := range append([]string{"a", "a.test"}, texts...) {
		if text != "" && pattern.MatchString(text) {
			return text
		}
	}
	return "a"
}
