package bootstrap_test

import (
	"bytes"
	"testing"

	"github.com/kedify/inference-gateway/xds/bootstrap"
)

// FuzzMerge: any text is refused, or merged into a bootstrap; the same text gives the same bootstrap.
func FuzzMerge(f *testing.F) {
	for _, text := range []string{
		`{}`, `stats_flush_interval: 7s`, `static_resources: {clusters: [{name: a}]}`, `node: {id: x}`, `[1]`, `7`, `a: &a [*a]`,
		`layered_runtime: {layers: [{name: x, static_layer: {a: 1}}]}`, `stats_flush_on_admin: true`, `? [a]: b`,
	} {
		f.Add([]byte(text))
	}
	base, err := bootstrap.Render(config())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, extra []byte) {
		merged, err := bootstrap.Merge(base, extra)
		if err != nil {
			return
		}
		again, err := bootstrap.Merge(base, extra)
		if err != nil || !bytes.Equal(again, merged) {
			t.Fatalf("%q: %v", extra, err)
		}
		if _, err := bootstrap.Merge(merged, []byte(`{}`)); err != nil {
			t.Fatalf("%q makes no bootstrap: %v", extra, err)
		}
	})
}
