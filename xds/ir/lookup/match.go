package lookup

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
)

// Request is what rules look at.
type Request struct {
	// Port that the connection goes to, and the server name of its TLS handshake; empty: it has none.
	Port       uint32
	ServerName string
	// Host as the client wrote it; a port behind it, capitals and a dot at its end do not matter.
	Host   string
	Method string
	// Path without its query. Dot segments are resolved before rules see it, repeated slashes stay.
	Path string
	// Headers by name in lower case; several values of one name are joined by commas, as the proxy compares them.
	Headers map[string]string
	// Query has the first value of each parameter.
	Query map[string]string
	// Model that the JSON body asks for; empty: none.
	Model string
}

// Part is a part of a match.
type Part string

// The parts of a match.
const (
	PartPath   Part = "path"
	PartMethod Part = "method"
	PartHeader Part = "header"
	PartQuery  Part = "query parameter"
	PartModel  Part = "model"
)

// Difference is a part of a match that a request does not have.
type Difference struct {
	Part Part
	// Name of the header or query parameter.
	Name string
	// Want says what the match takes, Got what the request has; Got is empty where the request has none.
	Want, Got string
}

func (d Difference) String() string {
	subject := string(d.Part)
	if d.Name != "" {
		subject += " " + d.Name
	}
	if d.Got == "" {
		return fmt.Sprintf("%s is missing, the rule takes %s", subject, d.Want)
	}
	return fmt.Sprintf("%s is %q, the rule takes %s", subject, d.Got, d.Want)
}

// Differences returns what keeps a request from a match; none: the match takes it.
func Differences(m ir.Match, r Request) []Difference {
	var found []Difference
	if path := normal(r.Path); !takesPath(m.Path, path) {
		found = append(found, Difference{Part: PartPath, Want: describePath(m.Path), Got: path})
	}
	if m.Method != "" && m.Method != r.Method {
		found = append(found, Difference{Part: PartMethod, Want: m.Method, Got: r.Method})
	}
	found = append(found, differentValues(PartHeader, m.Headers, r.Headers)...)
	found = append(found, differentValues(PartQuery, m.Query, r.Query)...)
	return append(found, differentModel(m.Model, r.Model)...)
}

// differentModel compares the model of a body. What a client says in the header of that name does not matter.
func differentModel(want ir.ModelMatch, model string) []Difference {
	if want.Any() {
		return nil
	}
	values := map[string]string{}
	if model != "" {
		values[""] = model
	}
	return differentValues(PartModel, []ir.ValueMatch{{Value: want.Value, Regex: want.Regex}}, values)
}

// Takes reports whether a match takes a request.
func Takes(m ir.Match, r Request) bool { return len(Differences(m, r)) == 0 }

func takesPath(m ir.PathMatch, path string) bool {
	switch m.Kind {
	case ir.PathExact:
		return path == check.NormalPath(m.Value)
	case ir.PathRegex:
		return matches(m.Value, path)
	default:
		prefix := strings.TrimRight(check.NormalPath(m.Value), "/")
		return path == prefix || strings.HasPrefix(path, prefix+"/")
	}
}

func describePath(m ir.PathMatch) string {
	switch m.Kind {
	case ir.PathExact:
		return fmt.Sprintf("exactly %q", m.Value)
	case ir.PathRegex:
		return fmt.Sprintf("the expression %q", m.Value)
	default:
		return fmt.Sprintf("the prefix %q", m.Value)
	}
}

func differentValues(part Part, wanted []ir.ValueMatch, values map[string]string) []Difference {
	var found []Difference
	for _, want := range wanted {
		name := want.Name
		if part == PartHeader {
			name = strings.ToLower(name)
		}
		value, has := values[name]
		if has && (want.Regex && matches(want.Value, value) || !want.Regex && value == want.Value) {
			continue
		}
		text := fmt.Sprintf("%q", want.Value)
		if want.Regex {
			text = "the expression " + text
		}
		found = append(found, Difference{Part: part, Name: name, Want: text, Got: value})
	}
	return found
}

// matches reports whether an RE2 expression takes a whole text. One that does not compile takes none: the proxy refuses its rule.
func matches(expression, text string) bool {
	compiled, err := regexp.Compile(`^(?:` + expression + `)$`)
	return err == nil && compiled.MatchString(text)
}

// normal is a path in the form in which the proxy compares it: check.NormalPath without dot segments (RFC 3986 5.2.4).
func normal(path string) string {
	path = strings.ReplaceAll(check.NormalPath(path), `\`, "/")
	if !strings.Contains(path, "/.") {
		return path
	}
	var kept []string
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch segment {
		case ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, segment)
			continue
		}
		if last {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}
