package redact

import (
	"encoding/json"
	"strings"
	"testing"
)

// planted is in every secret of the tests.
const planted = "s3cr3t-pl4nted"

func TestText(t *testing.T) {
	for name, text := range map[string]string{
		"private key":    "before\n-----BEGIN EC PRIVATE KEY-----\n" + planted + "\n-----END EC PRIVATE KEY-----\nafter",
		"cut key":        "-----BEGIN PRIVATE KEY-----\n" + planted,
		"bearer":         "Authorization: Bearer " + planted,
		"basic":          "got basic " + planted + " from a client",
		"query":          "GET /a?x=1&api_key=" + planted + "&y=2",
		"user":           "redis://user:" + planted + "@host:6379/0",
		"JSON in a log":  `{"password":"` + planted + `","path":"/a"}`,
		"assignment":     "password=" + planted + " next",
		"cookie":         "cookie: " + planted,
		"a web token":    "token eyJhbGciOiJIUzI1NiJ9." + planted + "." + planted,
		"set-cookie":     `"set-cookie": "` + planted + `"`,
		"two in a line":  "secret=" + planted + " secret=" + planted,
		"quoted, spaces": `"password" : "` + planted + ` ` + planted + `"`,
	} {
		if got := Text(text); strings.Contains(got, planted) || !strings.Contains(got, Mark) {
			t.Errorf("%s: %s", name, got)
		}
	}
	for _, text := range []string{"GET /keys/1?page=2 200", "tokens: 12", "kedify_gateway_keda_calls_total 7", "https://a.example.com/b"} {
		if got := Text(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestJSON(t *testing.T) {
	for name, text := range map[string]string{
		"field":            `{"password":"` + planted + `"}`,
		"header of Envoy":  `{"request_headers_to_add":[{"header":{"key":"Authorization","value":"` + planted + `"}}]}`,
		"match of a token": `{"headers":[{"name":"x-api-key","string_match":{"exact":"` + planted + `"}}]}`,
		"variable":         `{"env":[{"name":"DB_PASSWORD","value":"` + planted + `"}]}`,
		"inline key":       `{"private_key":{"inline_bytes":"` + planted + `"}}`,
		"in a text":        `{"message":"Authorization: Bearer ` + planted + `"}`,
		"list":             `{"tokens_list":["x"],"token":["` + planted + `"]}`,
		"to a collector":   `{"initial_metadata":[{"key":"x-team","value":"` + planted + `"}]}`,
		"of parameters":    `{"provider":{"openTelemetry":{"headers":[{"name":"x-team","value":"` + planted + `"}]}}}`,
		"of a policy":      `{"tracing":{"provider":{"headers":[{"name":"x-team","value":"` + planted + `"}]}}}`,
		"trigger":          `{"spec":{"triggers":[{"type":"rabbitmq","metadata":{"host":"amqp://user:` + planted + `@mq/"}}]}}`,
	} {
		got, err := JSON([]byte(text))
		if err != nil || strings.Contains(string(got), planted) {
			t.Errorf("%s: %s %v", name, got, err)
		}
	}
	const kept = `{"name":"secret","secretName":"web-tls","type":"kubernetes.io/tls","value":3}`
	got, err := JSON([]byte(kept))
	if err != nil {
		t.Fatal(err)
	}
	var after map[string]any
	if err := json.Unmarshal(got, &after); err != nil || after["secretName"] != "web-tls" {
		t.Errorf("%s %v", got, err)
	}
}

// FuzzText: a private key or a bearer token does not survive within any other text, and redacted text stays as it is.
func FuzzText(f *testing.F) {
	for _, text := range []string{"", "a=b", "Bearer ", `{"password":"x"}`, "?key=1", "-----BEGIN"} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		once := Text(before + "\n-----BEGIN PRIVATE KEY-----\n" + planted + "\n-----END PRIVATE KEY-----\n" + after)
		if strings.Contains(once, planted) && !strings.Contains(before+after, planted) {
			t.Fatalf("%q", once)
		}
		if again := Text(once); strings.Contains(again, planted) && !strings.Contains(before+after, planted) {
			t.Fatalf("%q became %q", once, again)
		}
	})
}
