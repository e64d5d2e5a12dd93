package families

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// recorder is a test that notes failures.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, format)
	_ = args
}

// A page that is not current, a bad name, and a family without a series are failures; a page that is current is none.
func TestCheck(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	const marks = "before\n<!-- families of x: made -->\n%<!-- end of families of x -->\nafter\n"
	row := "\n| metric | type | labels | meaning |\n|---|---|---|---|\n" +
		"| `a_total` | counter | `l` | Help. |\n| `rare_total` | counter | `m` | Rare. |\n\n"
	good := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "a_total", Help: "Help."}, []string{"l"})
	rare := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rare_total", Help: "Rare."}, []string{"m"})
	bad := prometheus.NewCounter(prometheus.CounterOpts{Name: "badName", Help: "Help."})
	for name, c := range map[string]struct {
		collectors []prometheus.Collector
		series     bool
		content    string
		failures   int
	}{
		"current":     {[]prometheus.Collector{good, rare}, true, row, 0},
		"not current": {[]prometheus.Collector{good, rare}, true, "", 1},
		"no series":   {[]prometheus.Collector{good, rare}, false, row, 1},
		"bad name":    {[]prometheus.Collector{good, rare, bad}, true, row, 3}, // two of promlint, and the page
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(page, []byte(strings.Replace(marks, "%", c.content, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			good.Reset()
			if c.series {
				good.WithLabelValues("v")
			}
			registry := prometheus.NewRegistry()
			registry.MustRegister(c.collectors...)
			r := &recorder{TB: t}
			Check(r, registry, Part{page, "x"}, map[string]dto.MetricType{"rare_total": dto.MetricType_COUNTER})
			if len(r.failures) != c.failures {
				t.Errorf("%d failures: %q", len(r.failures), r.failures)
			}
		})
	}
}
