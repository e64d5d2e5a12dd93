package route

import (
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/kedify/inference-gateway/xds/ir"
)

// maxTextBytes bounds the text of a match, which stands in the access log for each request.
const maxTextBytes = 256

// matchText says what a match takes, short and the same wherever the match stands.
func matchText(m ir.Match) string {
	var text boundedText
	if m.Method != "" {
		text.add(m.Method, " ")
	}
	switch m.Path.Kind {
	case ir.PathRegex:
		text.add("~", m.Path.Value)
	case ir.PathPrefix:
		text.add(m.Path.Value, "*")
	case ir.PathExact:
		text.add(m.Path.Value)
	}
	text.addValues(" header ", m.Headers)
	text.addValues(" query ", m.Query)
	if !m.Model.Any() {
		text.addValues(" ", []ir.ValueMatch{{Name: "model", Value: m.Model.Value, Regex: m.Model.Regex}})
	}
	return text.String()
}

// boundedText keeps the beginning of a text, and a hash of a whole that is longer.
type boundedText struct {
	begin  strings.Builder
	hash   xxhash.Digest
	length int
}

func (t *boundedText) add(parts ...string) {
	for _, part := range parts {
		if t.length == 0 {
			t.hash.Reset()
		}
		t.length += len(part)
		_, _ = t.hash.WriteString(part)
		t.begin.WriteString(part[:min(len(part), maxTextBytes-t.begin.Len())])
	}
}

func (t *boundedText) addValues(label string, values []ir.ValueMatch) {
	for _, value := range values {
		operator := "="
		if value.Regex {
			operator = "~"
		}
		t.add(label, value.Name, operator, value.Value)
	}
}

func (t *boundedText) String() string {
	if t.length <= maxTextBytes {
		return t.begin.String()
	}
	return strings.ToValidUTF8(t.begin.String(), "") + "-" + strconv.FormatUint(t.hash.Sum64(), 36)
}
