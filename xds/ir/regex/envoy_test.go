package regex_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/regex"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// dialect is an Envoy that is asked about expressions.
type dialect struct {
	proxy *proxytest.Proxy
	port  int
	asked int
}

func newDialect(t *testing.T) *dialect {
	d := &dialect{proxy: proxytest.Start(t), port: proxytest.Port(t)}
	listener, err := translate.Listener(ir.Listener{
		Port: uint32(d.port), Transport: ir.TCP, Chains: []ir.Chain{{ID: strconv.Itoa(d.port)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d.proxy.Apply(resource.Change{Upsert: append(d.tables(t, "^$"), listener)})
	return d
}

// limit makes Envoy refuse larger programs, which it tells the size of.
func (d *dialect) limit(size int) {
	d.proxy.SetRuntime("re2.max_program_size.error_level", strconv.Itoa(size))
}

// tables are a scope and a table with a rule for each expression on a header.
func (d *dialect) tables(t *testing.T, expressions ...string) []resource.Resource {
	t.Helper()
	d.asked++ // makes each table another one, so that it is sent
	host := ir.Host{Chain: strconv.Itoa(d.port), Hostname: "a.test"}
	for i, expression := range expressions {
		host.Routes = append(host.Routes, ir.Route{
			Name: fmt.Sprint("rule ", d.asked, " ", i), Action: &ir.Respond{StatusCode: http.StatusOK},
			Match: ir.Match{
				Path:    ir.PathMatch{Kind: ir.PathPrefix, Value: "/"},
				Headers: []ir.ValueMatch{{Name: "x-value", Value: expression, Regex: true}},
			},
		})
	}
	scope, table, err := translate.Host(host)
	if err != nil {
		t.Fatal(err)
	}
	return []resource.Resource{scope, table}
}

// refusal is why Envoy does not take an expression; nil: it does.
func (d *dialect) refusal(t *testing.T, expression string) error {
	t.Helper()
	err := d.proxy.Ask(resource.Change{Upsert: d.tables(t, expression)[1:]})
	if err != nil && !errors.Is(err, proxytest.ErrRejected) {
		t.Fatalf("%q: %v", expression, err)
	}
	return err
}

// TestG2EnvoyTakesWhatThisParserTakes asks a real Envoy about the corpus: it takes each expression that the
// parser takes, and its programs are not larger than the parser says.
func TestG2EnvoyTakesWhatThisParserTakes(t *testing.T) {
	d := newDialect(t)
	d.limit(regex.MaxSize)
	seen := map[string]bool{}
	var known []string
	refused, lost := 0, 0
	for _, text := range corpus() {
		_, err := regex.Size(text)
		switch {
		case seen[text]:
		case err == nil:
			known = append(known, text)
		case utf8.ValidString(text): // else it cannot be sent
			refused++
			if d.refusal(t, text) == nil {
				lost++
				t.Logf("refused here, taken by Envoy: %.60q: %v", text, err)
			}
		}
		seen[text] = true
	}
	const batch = 500
	for begin := 0; begin < len(known); begin += batch {
		some := known[begin:min(begin+batch, len(known))]
		if err := d.proxy.Ask(resource.Change{Upsert: d.tables(t, some...)[1:]}); err == nil {
			continue
		}
		for _, text := range some {
			if err := d.refusal(t, text); err != nil {
				t.Errorf("taken here, refused by Envoy: %.200q: %.300v", text, err)
			}
		}
	}
	d.limit(0)
	told := regexp.MustCompile(`RE2 program size of (\d+)`)
	for _, text := range known {
		size, _ := regex.Size(text)
		program := told.FindStringSubmatch(fmt.Sprint(d.refusal(t, text)))
		if program == nil { // the message begins with the expression, and is cut
			d.limit(size)
			if err := d.refusal(t, text); err != nil {
				t.Errorf("%.200q: larger than %d", text, size)
			}
			d.limit(0)
			continue
		}
		if real, _ := strconv.Atoi(program[1]); real > size {
			t.Errorf("%.200q: size %d, for Envoy %d", text, size, real)
		}
	}
	if len(known) < 900 || refused < 700 {
		t.Errorf("the corpus proves little: %d taken, %d refused", len(known), refused)
	}
	t.Logf("bar: expressions=%d taken=%d refused=%d refused_but_taken_by_envoy=%d", len(seen), len(known), refused, lost)
}

// TestG2EnvoyComparesBytes: what the parser refuses for characters beyond ASCII would not do what it says.
func TestG2EnvoyComparesBytes(t *testing.T) {
	d := newDialect(t)
	for _, c := range []struct {
		expression, value string
		matches           bool
	}{
		{`gr(?:ü|ue)n`, "grün", true},
		{`gr\xc3\xbcn`, "grün", true},
		{`gr.{2}n`, "grün", true}, // two bytes
		{`gr.n`, "grün", false},
		{`grü+n`, "grüün", false}, // repeats the last byte
		{`gr(?:ü)+n`, "grüün", true},
		{`gr[ü]n`, "grün", false},
		{`(?i)grün`, "GRÜN", false},
		{`gr\p{L}n`, "grün", false},
	} {
		d.proxy.Apply(resource.Change{Upsert: d.tables(t, c.expression)})
		request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/", d.port), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "a.test"
		request.Header.Set("x-value", c.value)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if got := response.StatusCode == http.StatusOK; got != c.matches {
			t.Errorf("%s on %s: matches %v, want %v", c.expression, c.value, got, c.matches)
		}
	}
}
