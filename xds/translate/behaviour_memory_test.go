package translate_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

// A held request of 8 MiB, and what the proxy may keep for it.
const (
	heldCount = 100
	heldBody  = 8 << 20
	heldLimit = 640 << 10
)

// TestX6HeldRequests: of a body that waits the proxy keeps little. So it does where all of them share a connection, and
// other requests of that connection pass meanwhile.
func TestX6HeldRequests(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		t.Run(fmt.Sprint("HTTP", protocol), func(t *testing.T) {
			w := newWorld(t)
			address, _ := digester(t, 1)
			w.host("plain.test", route("plain", prefix("/"), to(w.cluster(ir.Cluster{Key: serviceKey("plain"), Protocol: ir.HTTP1}, address))))
			holder := w.holding(address, nil)
			before, resident, release := w.allocated(), w.resident(), holder.Hold()
			client := clientOf(t, protocol, protocol == 2)
			body := large(heldBody)
			sum := digest(strings.NewReader(body))
			var running sync.WaitGroup
			for range heldCount {
				running.Go(func() { w.sendLarge(client(), "held.test", body, sum) })
			}
			g := gomega.NewWithT(t)
			g.Eventually(func() int { return len(holder.Asked()) }, 20*time.Second).Should(gomega.Equal(heldCount))
			g.Eventually(w.allocated, 20*time.Second).Should(gomega.BeNumerically(">", before+heldCount*(200<<10)), "bodies that wait")
			part := body[:2<<20]
			w.sendLarge(client(), "plain.test", part, digest(strings.NewReader(part))) // behind them: what can come of the others has come
			each := (w.allocated() - before) / heldCount
			t.Logf("%d KiB of the heap for each held request, %d KiB resident", each>>10, (w.resident()-resident)/heldCount>>10)
			if each > heldLimit {
				t.Errorf("the proxy keeps %d KiB of each body, want %d at most", each>>10, heldLimit>>10)
			}
			release()
			running.Wait()
		})
	}
}

// TestX6MemoryIsGivenBack: what bodies took goes back to the system when they are answered. Rules with retries keep
// whole bodies.
func TestX6MemoryIsGivenBack(t *testing.T) {
	w := newWorld(t)
	address, _ := digester(t, 1)
	holder := w.holding(address, &ir.Retry{Attempts: 2, Codes: []uint32{503}})
	const count, took, left = 20, 160 << 20, 96 << 20
	release, client, body := holder.Hold(), clientOf(t, 2, false), large(heldBody)
	sum := digest(strings.NewReader(body))
	var running sync.WaitGroup
	for range count {
		running.Go(func() { w.sendLarge(client(), "held.test", body, sum) })
	}
	g := gomega.NewWithT(t)
	g.Eventually(w.resident, 20*time.Second).Should(gomega.BeNumerically(">", took), "bodies that wait")
	release()
	running.Wait()
	answered := time.Now()
	g.Eventually(w.resident, 20*time.Second).Should(gomega.BeNumerically("<", left), "bodies that are answered")
	t.Logf("below %d MiB after %s", left>>20, time.Since(answered).Round(100*time.Millisecond))
}

// holding serves held.test, whose requests wait for the holder.
func (w *world) holding(address string, retry *ir.Retry) *proxytest.Holder {
	w.t.Helper()
	holder := proxytest.StartHolder(w.t)
	w.host("held.test", route("held", prefix("/"), &ir.Forward{Retry: retry, Targets: []ir.Target{
		w.held(ir.Target{Cluster: w.cluster(ir.Cluster{Key: serviceKey("web"), Protocol: ir.HTTP1}, address), Weight: 1}, holder)}}))
	w.apply()
	return holder
}

// TestX6LargePromptsThroughAPicker: a picker that wants the whole of a prompt gets it, however small the buffers are.
func TestX6LargePromptsThroughAPicker(t *testing.T) {
	w := newWorld(t)
	picker := proxytest.StartPicker(t, "picker")
	address, _ := digester(t, 1)
	picker.Pick(address)
	w.host("pool.test", route("pool", prefix("/"), &ir.Forward{Targets: []ir.Target{w.pool("pool", false, picker, address)}}))
	w.apply()
	body := large(40 << 20)
	sum := digest(strings.NewReader(body))
	for _, protocol := range []int{1, 2} {
		w.sendLarge(clientOf(t, protocol, false)(), "pool.test", body, sum)
	}
}

// clientOf returns clients that have one connection, or one connection each.
func clientOf(t *testing.T, protocol int, shared bool) func() *http.Client {
	made := func() *http.Client {
		transport := &http.Transport{Protocols: &http.Protocols{}}
		transport.Protocols.SetHTTP1(protocol == 1)
		transport.Protocols.SetUnencryptedHTTP2(protocol == 2)
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport, Timeout: 3 * time.Minute}
	}
	if !shared {
		return made
	}
	one := made()
	return func() *http.Client { return one }
}

// sendLarge sends a body and compares what the backend says about it with its sum.
func (w *world) sendLarge(client *http.Client, host, body, sum string) {
	request, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:"+strconv.Itoa(int(w.port))+"/", strings.NewReader(body))
	if err != nil {
		w.t.Error(err)
		return
	}
	request.Host = host
	response, err := client.Do(request)
	if err != nil {
		w.t.Error(err)
		return
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if got, want := fmt.Sprint(response.StatusCode, " ", string(text)), "200 "+sum; err != nil || got != want {
		w.t.Errorf("%s: %.100s, want %s (%v)", host, got, want, err)
	}
}

// resident is the memory that the proxy has from the system, as its allocator knows it.
func (w *world) resident() int {
	found := regexp.MustCompile(`"total_physical_bytes": "(\d+)"`).FindStringSubmatch(w.admin("/memory"))
	if found == nil {
		w.t.Error("no memory")
		return 0
	}
	bytes, _ := strconv.Atoi(found[1])
	return bytes
}
