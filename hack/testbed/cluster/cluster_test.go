package cluster

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/hack/testbed/process"
)

func layout(t *testing.T) Layout {
	t.Helper()
	return layoutOf(t, IPv4)
}

// families are tried by the tests of what has addresses in it.
var families = []Family{IPv4, IPv6}

func layoutOf(t *testing.T, family Family) Layout {
	t.Helper()
	l := NewLayout(t.TempDir(), "test")
	l.Family = family
	if err := l.prepare(); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestArgumentsAreStable(t *testing.T) {
	p := program{name: "x", args: []string{"run"}, flags: map[string]string{"b": "2", "a": "1", "c": ""}}
	if got := p.argv(); !slices.Equal(got, []string{"run", "--a=1", "--b=2", "--c="}) {
		t.Errorf("got %v", got)
	}
	if !slices.Equal(p.args, []string{"run"}) {
		t.Error("argv changed its program")
	}
}

// TestEveryNamedFileIsWritten catches a flag that names a certificate which
// is not made: its component would fail only after the others have started.
func TestEveryNamedFileIsWritten(t *testing.T) {
	l := layout(t)
	if err := errors.Join(writePKI(l), writeKubeconfigs(l), writeNodeConfigs(l, "/usr/sbin/runc", "/usr/lib/cni")); err != nil {
		t.Fatal(err)
	}
	texts := []string{containerdConfig(l, "r", "c"), kubeletConfig(l), kubeProxyConfig(l)}
	for _, p := range []program{etcd(), apiServer(l), controllerManager(l), scheduler(l), loadBalancer(l), containerd(l),
		kubelet(l), kubeProxy(l)} {
		texts = append(texts, strings.Join(p.argv(), "\n"))
	}
	count := 0
	for _, text := range texts {
		for _, field := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \n=\"{}[]", r) }) {
			if !strings.HasPrefix(field, l.Dir) {
				continue
			}
			count++
			if _, err := os.Stat(field); err != nil {
				t.Error(err)
			}
		}
	}
	if count < 25 {
		t.Errorf("only %d paths found", count)
	}
}

func TestConfigsAreYAML(t *testing.T) {
	for _, family := range families {
		l := layoutOf(t, family)
		var found struct {
			ClusterDNS        []string
			NodePortAddresses []string
			Spec              struct{ ClusterIP string }
		}
		for _, text := range append([]string{kubeletConfig(l), kubeProxyConfig(l)}, strings.Split(string(dnsManifest(l)), "\n---\n")...) {
			var object struct{ Kind string }
			if err := yaml.Unmarshal([]byte(text), &object); err != nil || object.Kind == "" {
				t.Errorf("%v in\n%s", err, text)
			}
			if err := yaml.Unmarshal([]byte(text), &found); err != nil {
				t.Errorf("%v in\n%s", err, text)
			}
		}
		if at := l.addresses(); !slices.Equal(found.ClusterDNS, []string{at.dns}) || found.Spec.ClusterIP != at.dns {
			t.Errorf("%s: the DNS Service has the address %q, and pods are told %q", family, found.Spec.ClusterIP, found.ClusterDNS)
		}
		if _, err := netip.ParsePrefix(found.NodePortAddresses[0]); err != nil {
			t.Errorf("%s: %v", family, err)
		}
	}
}

// TestAddressesBelongTogether: what has an address has one of its range, and no two ranges meet.
func TestAddressesBelongTogether(t *testing.T) {
	for _, family := range families {
		at := Layout{Family: family}.addresses()
		services, balancers := netip.MustParsePrefix(at.services), netip.MustParsePrefix(at.loadBalancers)
		ranges := []netip.Prefix{services, balancers, netip.MustParsePrefix(at.pods), netip.MustParsePrefix(at.node + at.nodePrefix).Masked()}
		for i, one := range ranges {
			if one != one.Masked() || one.Addr().Is6() != (family == IPv6) {
				t.Errorf("%s: %s", family, one)
			}
			for _, other := range ranges[:i] {
				if one.Overlaps(other) {
					t.Errorf("%s: %s and %s overlap", family, one, other)
				}
			}
		}
		for _, address := range []string{at.api, at.dns} {
			if !services.Contains(netip.MustParseAddr(address)) {
				t.Errorf("%s: %s is no address of a Service", family, address)
			}
		}
		if static := netip.MustParsePrefix(at.static); !balancers.Overlaps(static) || static.Bits() <= balancers.Bits() {
			t.Errorf("%s: %s is no part of %s", family, static, balancers)
		}
	}
	if _, err := ParseFamily("ipx"); err == nil {
		t.Error("ipx is a family")
	}
}

func TestCertificatesVerify(t *testing.T) {
	for _, family := range families {
		verifyCertificates(t, layoutOf(t, family))
	}
}

func verifyCertificates(t *testing.T, l Layout) {
	if err := errors.Join(writePKI(l), writeKubeconfigs(l)); err != nil {
		t.Fatal(err)
	}
	ca := x509.NewCertPool()
	ca.AddCert(certificate(t, l, "ca"))
	for _, name := range []string{l.addresses().node, l.addresses().api, "127.0.0.1", "localhost", "kubernetes.default.svc"} {
		_, err := certificate(t, l, "apiserver").Verify(x509.VerifyOptions{Roots: ca, DNSName: name})
		if err != nil {
			t.Errorf("API server as %s: %v", name, err)
		}
	}
	client := x509.VerifyOptions{Roots: ca, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if _, err := certificate(t, l, "kubelet").Verify(client); err != nil {
		t.Error(err)
	}
	if _, err := certificate(t, l, "front-proxy-client").Verify(client); err == nil {
		t.Error("the front proxy must have an authority of its own")
	}
	config, err := clientcmd.BuildConfigFromFlags("", l.Kubeconfig())
	if err != nil || config.Host != l.apiServerURL() {
		t.Errorf("%v, %v", config, err)
	}
}

func certificate(t *testing.T, l Layout, name string) *x509.Certificate {
	t.Helper()
	data, err := os.ReadFile(l.pki(name + ".crt"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClustersOfTwoClonesHaveTheirOwnCgroups(t *testing.T) {
	a, b := NewLayout("/one", "default"), NewLayout("/two", "default")
	if a.CgroupParent() == b.CgroupParent() {
		t.Errorf("both are %s", a.CgroupParent())
	}
	if !strings.HasPrefix(a.CgroupParent(), "/"+cgroupRoot+"/default-") {
		t.Errorf("got %s", a.CgroupParent())
	}
}

func TestRecords(t *testing.T) {
	l := layout(t)
	if _, err := readRecord(l); !errors.Is(err, ErrNotRunning) {
		t.Errorf("without a record: %v", err)
	}
	self, err := process.Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	record := Record{Holder: self, Profile: "minimal", Started: time.Now(), Ready: true}
	if err := writeRecord(l, record); err != nil {
		t.Fatal(err)
	}
	if got, err := readRecord(l); err != nil || got.Holder != self || !Running(l) {
		t.Errorf("%+v, %v", got, err)
	}
	record.Holder.StartTime++ // the process of another program now
	if err := writeRecord(l, record); err != nil {
		t.Fatal(err)
	}
	if _, err := readRecord(l); !errors.Is(err, ErrNotRunning) || Running(l) {
		t.Errorf("with a recycled process id: %v", err)
	}
	if err := stop(record.Holder); err != nil {
		t.Errorf("stopping it must do nothing: %v", err)
	}
}

func TestLookPath(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"tool": 0o755, "text": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := lookPath("tool", "/nowhere:"+dir); err != nil || got != filepath.Join(dir, "tool") {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := lookPath("text", dir); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("not executable: %v", err)
	}
	if got, err := lookPath("./tool", ""); err != nil || !filepath.IsAbs(got) {
		t.Errorf("%s, %v", got, err)
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("1\n2\n3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := tail(path, 2); got != "2\n3" {
		t.Errorf("got %q", got)
	}
	if got := tail(path, 9); got != "1\n2\n3" {
		t.Errorf("got %q", got)
	}
}
