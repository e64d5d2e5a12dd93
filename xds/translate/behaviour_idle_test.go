package translate_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
)

// TestG4SilenceInEnvoy has Envoy keep what TestG4IdleNeverUndercuts says, with an idle timeout of the
// Gateway of 0.3 s instead of the hour, and an answer that comes after a second.
func TestG4SilenceInEnvoy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const silence = time.Second
	slow := w.cluster(ir.Cluster{Key: serviceKey("slow"), Protocol: ir.HTTP1}, server(t, func(_ http.ResponseWriter, in *http.Request) {
		select {
		case <-time.After(silence):
		case <-in.Context().Done():
		}
	}))
	with := func(timeouts ir.Timeouts) *ir.Forward {
		f := to(slow)
		f.Timeouts = timeouts
		return f
	}
	const knob = `{"idle_timeout":"0.3s"}`
	w.fieldsHost("exact.test", knob,
		route("limit", prefix("/limit"), with(ir.Timeouts{Request: limit(10 * time.Second)})),
		route("none", prefix("/none"), with(ir.Timeouts{Request: limit(0)})),
		route("attempt", prefix("/attempt"), with(ir.Timeouts{BackendRequest: limit(10 * time.Second)})),
		route("nothing", prefix("/"), with(ir.Timeouts{})))
	w.host("plain.test", route("nothing", prefix("/"), with(ir.Timeouts{})))
	w.apply()
	for _, c := range []struct {
		host, path string
		status     int
	}{
		{"exact.test", "/limit", 200}, {"exact.test", "/none", 200}, {"exact.test", "/attempt", 200},
		{"exact.test", "/nothing", 504}, {"plain.test", "/nothing", 200},
	} {
		begun := time.Now()
		w.expect(ask{host: c.host, path: c.path}, c.status, "")
		if took := time.Since(begun); (c.status == 200) != (took >= silence) {
			t.Errorf("%s%s took %s", c.host, c.path, took)
		}
	}
}
