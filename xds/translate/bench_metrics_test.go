package translate_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// measuredBackends have had a request before anything is measured.
const measuredBackends = 500

// BenchmarkBackendStats prints what statistics of each backend cost, beside a proxy without: processor time of Envoy for a request and at
// rest, the size of a scrape and its processor time, and what the process has from the system. One iteration is a request to each backend.
func BenchmarkBackendStats(b *testing.B) {
	for name, on := range map[string]bool{"off": false, "on": true} {
		b.Run(name, func(b *testing.B) { measureBackendStats(b, on) })
	}
}

func measureBackendStats(b *testing.B, on bool) {
	proxy := proxytest.StartWith(b, func(c *bootstrap.Config) { c.BackendStats = on })
	port := proxytest.Port(b)
	set := &resource.Change{Upsert: []resource.Resource{costListener(b, port, "")}}
	backend := costServer(b)
	var routes []ir.Route
	for i := range measuredBackends {
		name := fmt.Sprintf("application-%d", i)
		routes = append(routes, route(name, prefix("/"+name), to(costCluster(b, set, name, ir.RouteHTTP, backend))))
	}
	chain := strconv.Itoa(port)
	scope, table, err := translate.Host(ir.Host{Chain: chain, Hostname: "cost.test", Routes: routes})
	if err != nil {
		b.Fatal(err)
	}
	set.Upsert = append(set.Upsert, scope, table)
	proxy.Apply(*set)
	ask := func() {
		for i := range measuredBackends {
			costGet(b, port, "cost.test", fmt.Sprintf("/application-%d", i))
		}
	}
	awaitPort(b, port)
	ask()
	before, requests := childrenCPU(b), 0
	for b.Loop() {
		ask()
		requests += measuredBackends
	}
	b.ReportMetric(float64((childrenCPU(b)-before).Microseconds())/float64(requests), "cpu-µs/request")
	const rest = 3 * time.Second
	before = childrenCPU(b)
	time.Sleep(rest)
	b.ReportMetric(float64((childrenCPU(b)-before).Milliseconds())/rest.Seconds(), "rest-ms/s")
	before = childrenCPU(b)
	size := costGet(b, proxy.Metrics, "any", bootstrap.MetricsPath)
	b.ReportMetric(float64((childrenCPU(b)-before).Microseconds())/1000, "scrape-ms")
	b.ReportMetric(float64(size)/measuredBackends, "scrape-B/backend")
	b.ReportMetric(float64(childrenPages(b)*os.Getpagesize())/1024, "resident-KiB")
	b.ReportMetric(0, "ns/op")
}

// awaitPort waits for the worker of the proxy, which takes a listener a moment after the proxy has acknowledged it.
func awaitPort(b *testing.B, port int) {
	for range 500 {
		if connection, err := net.Dial("tcp", local(uint32(port))); err == nil {
			_ = connection.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.Fatal("the port does not open")
}

// childrenPages is the memory of the processes that this one has started.
func childrenPages(b *testing.B) (pages int) {
	for _, child := range children(b) {
		text, _ := os.ReadFile("/proc/" + child + "/statm")
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			resident, _ := strconv.Atoi(fields[1])
			pages += resident
		}
	}
	return pages
}

// costGet returns the size of an answer of 200.
func costGet(b *testing.B, port int, host, path string) int64 {
	return costAsk(b, port, host, path, nil)
}

// costAsk is the same with headers.
func costAsk(b *testing.B, port int, host, path string, headers map[string]string) int64 {
	request, err := http.NewRequest(http.MethodGet, "http://"+local(uint32(port))+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	request.Host = host
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	size, err := io.Copy(io.Discard, response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		b.Fatalf("%s: %d %v", path, response.StatusCode, err)
	}
	return size
}
