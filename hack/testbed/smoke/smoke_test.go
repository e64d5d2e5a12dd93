package smoke

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

//go:embed objects.yaml
var objects string

// limit is for one condition on a machine that builds at the same time.
const limit = 2 * time.Minute

func TestMain(m *testing.M) {
	if outside() {
		os.Exit(m.Run()) // every test skips, and says so
	}
	gomega.SetDefaultEventuallyTimeout(limit)
	gomega.SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	apply := exec.Command("kubectl", "apply", "--filename=-")
	apply.Stdin, apply.Stdout, apply.Stderr = strings.NewReader(objects), os.Stdout, os.Stderr
	if err := apply.Run(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	code := m.Run()
	if code == 0 { // or keep them to look at
		_ = exec.Command("kubectl", "delete", "namespace", "smoke").Run()
	}
	os.Exit(code)
}

func outside() bool { return os.Getenv("TESTBED_NAME") == "" }

func inside(t *testing.T) {
	t.Helper()
	if outside() {
		t.Skip("not inside a testbed")
	}
}

func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("kubectl", append([]string{"--namespace=smoke"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// get returns the pod name that the echo backend reports.
func get(client *http.Client, url string) (string, error) {
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%d %s", response.StatusCode, body)
	}
	var echo struct{ Pod string }
	return echo.Pod, json.Unmarshal(body, &echo)
}

// fresh makes a connection per request, and gives up soon.
func fresh() *http.Client {
	return &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
}

func address(t *testing.T, service string) string {
	t.Helper()
	var ip string
	gomega.NewWithT(t).Eventually(func() error {
		ip = kubectl(t, "get", "service", service, "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}")
		if ip == "" {
			return fmt.Errorf("none yet")
		}
		return nil
	}).Should(gomega.Succeed(), "address of "+service)
	return ip
}

func waitReady(t *testing.T, what ...string) {
	t.Helper()
	kubectl(t, append([]string{"wait", "--for=condition=Ready", "--timeout=120s"}, what...)...)
}

func TestEveryWayToAService(t *testing.T) {
	inside(t)
	kubectl(t, "rollout", "status", "deployment/echo", "--timeout=120s")
	cluster := kubectl(t, "get", "service", "echo", "-o", "jsonpath={.spec.clusterIP}")
	pod := kubectl(t, "get", "pods", "-l", "app=echo", "-o", "jsonpath={.items[0].status.podIP}")
	for _, url := range []string{
		"http://" + pod + ":3000/",
		"http://" + cluster + "/",
		"http://" + address(t, "echo") + "/",
		"http://" + address(t, "echo-static") + ":8080/",
		"http://echo.smoke.svc.cluster.local/",
	} {
		gomega.NewWithT(t).Eventually(func() error { _, err := get(fresh(), url); return err }).Should(gomega.Succeed(), url)
	}
	if got := address(t, "echo-static"); got != "10.99.255.10" {
		t.Errorf("asked for an address, got %s", got)
	}
	seen := map[string]bool{}
	for range 40 {
		name, err := get(fresh(), "http://"+address(t, "echo")+"/")
		if err != nil {
			t.Fatal(err)
		}
		seen[name] = true
	}
	if len(seen) != 2 {
		t.Errorf("40 connections reached %v", seen)
	}
}

func TestAddressOutsideOfTheRangeIsRefusedAndSaidSo(t *testing.T) {
	inside(t)
	gomega.NewWithT(t).Eventually(func() error {
		if out := kubectl(t, "get", "events", "--field-selector=reason=AddressNotAssigned"); !strings.Contains(out, "echo-outside") {
			return fmt.Errorf("no event: %s", out)
		}
		return nil
	}).Should(gomega.Succeed(), "event")
	if ip := kubectl(t, "get", "service", "echo-outside", "-o", "jsonpath={.status.loadBalancer.ingress}"); ip != "" {
		t.Errorf("got %s", ip)
	}
}

func TestUnownedAddressFailsSoon(t *testing.T) {
	inside(t)
	start := time.Now()
	if _, err := get(fresh(), "http://10.99.200.200/"); err == nil {
		t.Error("an address of no Service answered")
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestPodsReachLoadBalancersAndThemselves(t *testing.T) {
	inside(t)
	waitReady(t, "pod/low-port", "pod/envoy")
	kubectl(t, "rollout", "status", "deployment/echo", "--timeout=120s")
	for _, from := range []string{"envoy", "low-port"} {
		for _, url := range []string{"http://" + address(t, "echo") + "/", "http://" + address(t, "ports") + "/"} {
			t.Run(from+" to "+url, func(t *testing.T) {
				ip := kubectl(t, "get", "pod", from, "-o", "jsonpath={.status.podIP}")
				gomega.NewWithT(t).Eventually(func() error { return getFromPod(ip, url) }).Should(gomega.Succeed(), url)
			})
		}
	}
}

func TestLowPortNeedsTheSysctl(t *testing.T) {
	inside(t)
	waitReady(t, "pod/low-port")
	gomega.NewWithT(t).Eventually(func() error {
		out := kubectl(t, "get", "pod", "no-low-port", "-o", "jsonpath={.status.containerStatuses[0]}")
		if !strings.Contains(out, `"restartCount":0`) {
			return nil
		}
		return fmt.Errorf("it has not failed yet")
	}).Should(gomega.Succeed(), "refusal")
}

func TestSidecarStartsFirst(t *testing.T) {
	inside(t)
	waitReady(t, "pod/sidecar")
	states := kubectl(t, "get", "pod", "sidecar", "-o",
		"jsonpath={.status.initContainerStatuses[0].started} {.status.initContainerStatuses[0].ready}")
	if states != "true true" {
		t.Errorf("sidecar: %s", states)
	}
}

func TestLogsExecTokenAndForward(t *testing.T) {
	inside(t)
	waitReady(t, "pod/envoy", "pod/low-port")
	if out := kubectl(t, "logs", "envoy"); !strings.Contains(out, "starting main dispatch loop") {
		t.Errorf("logs: %s", out)
	}
	if out := kubectl(t, "exec", "envoy", "--", "envoy", "--version"); !strings.Contains(out, "1.40.0") {
		t.Errorf("exec: %s", out)
	}
	if out := kubectl(t, "create", "token", "default"); strings.Count(out, ".") != 2 {
		t.Errorf("token: %s", out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	forward := exec.CommandContext(ctx, "kubectl", "--namespace=smoke", "port-forward", "pod/low-port", "18080:80")
	out, err := forward.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := forward.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = forward.Wait() }()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if pod, err := get(fresh(), "http://127.0.0.1:18080/"); err != nil || pod != "low-port" {
		t.Errorf("forward: %q, %v", pod, err)
	}
}

func TestNothingOutsideIsReachable(t *testing.T) {
	inside(t)
	if _, err := net.LookupHost("example.com"); err == nil {
		t.Error("a name outside of the cluster resolved")
	}
	// 192.0.2.0/24 is for documentation; without a route it fails locally.
	start := time.Now()
	if _, err := net.DialTimeout("tcp", "192.0.2.1:80", 5*time.Second); err == nil || time.Since(start) > time.Second {
		t.Errorf("dialling outside: %v after %s", err, time.Since(start))
	}
}
