package redact

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Mark stands for what was taken out.
const Mark = "[redacted]"

// credential takes names of fields, headers and parameters whose values are secrets.
var credential = regexp.MustCompile(`(?i)(authorization|password|passwd|passphrase|secret|token|credential|cookie|signature|` +
	`private_?key|api[-_]?key|access[-_]?key)`)

// harmless are names that look like credentials, and whose values name or count something.
var harmless = regexp.MustCompile(`(?i)(secret_?name|secret_?ref|secrets?$|keyref|_count$|_version$|configs?$|type$|kind$|path$|` +
	`filename$|tokens_per|max_tokens|token_bucket|automount|authentication_?ref|session_ticket|stateless|disable|tls_params)`)

// Value takes secrets out of a JSON value, in place, and returns it.
func Value(value any) any { return within("", value) }

func within(name string, value any) any {
	switch value := value.(type) {
	case map[string]any:
		pair(value)
		exported(value)
		for key, inner := range value {
			value[key] = within(key, inner)
		}
		return value
	case []any:
		for i := range value {
			value[i] = within(name, value[i])
		}
		return value
	case string:
		if value != "" && isCredential(name) {
			return Mark
		}
		return Text(value)
	default:
		return value
	}
}

// pair takes out the value beside the name of a header, parameter or variable, and what is inline below a private key.
func pair(object map[string]any) {
	for _, key := range []string{"key", "name", "header_name"} {
		name, isText := object[key].(string)
		if !isText || !isCredential(name) {
			continue
		}
		for _, field := range []string{"value", "raw_value", "string_match", "exact_match", "string_value"} {
			if _, has := object[field]; has {
				object[field] = Mark
			}
		}
	}
	for key, inner := range object {
		source, isObject := inner.(map[string]any)
		if !isObject || !isCredential(key) {
			continue
		}
		for _, field := range []string{"inline_string", "inline_bytes", "value"} {
			if _, has := source[field]; has {
				source[field] = Mark
			}
		}
	}
}

// exported takes out all that is told to collectors of spans with each call: the names of such headers say nothing ("x-team" may be a key).
func exported(object map[string]any) {
	lists := []any{object["initial_metadata"]}
	for _, key := range []string{"openTelemetry", "provider"} {
		if inner, isObject := object[key].(map[string]any); isObject {
			lists = append(lists, inner["headers"])
		}
	}
	for _, list := range lists {
		headers, _ := list.([]any)
		for _, header := range headers {
			if header, isObject := header.(map[string]any); isObject && header["value"] != nil {
				header["value"] = Mark
			}
		}
	}
}

func isCredential(name string) bool {
	return credential.MatchString(name) && !harmless.MatchString(name)
}

var (
	pemKey     = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)`)
	bearer     = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{6,}`)
	webToken   = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`)
	parameter  = regexp.MustCompile(`(?i)([?&;](?:[^=&\s"]*(?:token|key|secret|password|passwd|signature|credential)[^=&\s"]*)=)[^&\s"]+`)
	userInfo   = regexp.MustCompile(`([a-z][a-z0-9+.-]*://)[^/\s:@"]+:[^/\s@"]+@`)
	assignment = regexp.MustCompile(`(?i)("?(?:authorization|password|passwd|passphrase|secret|api[-_]?key|cookie|set-cookie)"?\s*[:=]\s*)` +
		`("[^"]*"|[^\s,;}]+)`)
)

// Text takes private keys, tokens, passwords and credentials in addresses out of a text.
func Text(text string) string {
	text = pemKey.ReplaceAllString(text, Mark)
	text = bearer.ReplaceAllString(text, "$1 "+Mark)
	text = webToken.ReplaceAllString(text, Mark)
	text = parameter.ReplaceAllString(text, "${1}"+Mark)
	text = userInfo.ReplaceAllString(text, "${1}"+Mark+"@")
	return assignment.ReplaceAllStringFunc(text, func(found string) string {
		parts := assignment.FindStringSubmatch(found)
		if strings.HasPrefix(parts[2], `"`) {
			return parts[1] + `"` + Mark + `"`
		}
		return parts[1] + Mark
	})
}

// JSON takes secrets out of a JSON text and returns it indented.
func JSON(text []byte) ([]byte, error) {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return nil, fmt.Errorf("redact JSON: %w", err)
	}
	return json.MarshalIndent(Value(value), "", "  ")
}
