// Package families holds the metrics of a process to the rules of Prometheus, and the page that lists them to the metrics.
//
// Job: for tests: gather a registry, lint what it has (promlint), and compare a table of all families with a part of a page.
// Inputs: a registry in which every family has a series; a Markdown page with the two marks of a part. Outputs: failures of a
// test; with GOLDEN=update, the page. Ownership: no state.
package families

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"github.com/kedify/inference-gateway/internal/golden"
)

// Part is the part "families of NAME" of a page, see golden.Page.
type Part struct{ Path, Name string }

// family is what a collector says about its series.
type family struct {
	name, help string
	labels     []string
	kind       dto.MetricType
}

// Check fails for names, types and texts that promlint objects to, for families without a series, and for a page that is not
// current. rare are the types of families that have no series unless something goes wrong.
func Check(t testing.TB, registry *prometheus.Registry, part Part, rare map[string]dto.MetricType) {
	t.Helper()
	known := described(t, registry)
	gathered, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, one := range gathered {
		seen[one.GetName()] = true
		known[one.GetName()].kind = one.GetType()
	}
	for name, kind := range rare {
		f := known[name]
		if f == nil || seen[name] {
			t.Fatalf("%s is not a family without series", name)
		}
		f.kind, seen[name] = kind, true
		metric := &dto.Metric{Counter: &dto.Counter{}, Gauge: &dto.Gauge{}, Histogram: &dto.Histogram{}}
		gathered = append(gathered, &dto.MetricFamily{Name: &f.name, Help: &f.help, Type: &f.kind, Metric: []*dto.Metric{metric}})
	}
	for name := range known {
		if !seen[name] {
			t.Errorf("%s has no series: let the test bring one about, or name it as rare", name)
		}
	}
	problems, err := promlint.NewWithMetricFamilies(gathered).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
	golden.Page(t, part.Path, "families of "+part.Name, table(slices.Collect(maps.Values(known))))
}

var description = regexp.MustCompile(`^Desc\{fqName: ("(?:[^"\\]|\\.)*"), help: ("(?:[^"\\]|\\.)*"), .*variableLabels: \{(.*)\}\}$`)

// described are the families that the collectors of a registry announce, by name.
func described(t testing.TB, registry *prometheus.Registry) map[string]*family {
	t.Helper()
	all, found := make(chan *prometheus.Desc), map[string]*family{}
	go func() {
		defer close(all)
		registry.Describe(all)
	}()
	for desc := range all {
		parts := description.FindStringSubmatch(desc.String())
		if parts == nil {
			t.Fatalf("%s is not understood", desc)
		}
		f := &family{labels: strings.FieldsFunc(parts[3], func(r rune) bool { return r == ',' })}
		var err error
		if f.name, err = strconv.Unquote(parts[1]); err == nil {
			f.help, err = strconv.Unquote(parts[2])
		}
		if err != nil {
			t.Fatalf("%s: %v", desc, err)
		}
		found[f.name] = f
	}
	return found
}

func table(all []*family) string {
	slices.SortFunc(all, func(a, b *family) int { return cmp.Compare(a.name, b.name) })
	var out strings.Builder
	out.WriteString("\n| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, f := range all {
		labels := ""
		if len(f.labels) > 0 {
			labels = "`" + strings.Join(f.labels, "`, `") + "`"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", f.name, strings.ToLower(f.kind.String()), labels, f.help)
	}
	return out.String() + "\n"
}
