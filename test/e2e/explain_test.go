package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"

	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/internal/cli"
	"github.com/kedify/inference-gateway/internal/cli/chain"
	"github.com/kedify/inference-gateway/internal/cli/reach"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// wantedFaults is how many faults are planted at least.
const wantedFaults = 25

// TestExplain plants faults on a cluster, side by side, and asks in the order of docs/troubleshoot.md: status, explain, doctor. One
// of them names the cause of each fault, most often the first. No command finds anything wrong with the route that has no fault.
func TestExplain(t *testing.T) {
	s := plantFaults(t)
	t.Run("symptoms", s.show)
	t.Run("fine", s.fine)
	t.Run("request", s.requests)
	t.Run("proxy", s.proxy)
	s.ask(t)
	s.askOfInstallation(t)
	if len(s.commands) == 0 {
		t.Fatal("no fault is named")
	}
	slices.Sort(s.commands)
	median := s.commands[len(s.commands)/2]
	t.Logf("bar: faults=%d named=%d median_commands=%d", s.planted, len(s.commands), median)
	if s.planted < wantedFaults || len(s.commands) < s.planted || median != 1 {
		t.Errorf("%d of %d faults are named, with %v commands", len(s.commands), s.planted, s.commands)
	}
}

// scene is a cluster with faults.
type scene struct {
	*cluster.Cluster
	faults     []planted
	namespaces map[place]string
	// web is the address of the Gateway for plain requests, secure the one for TLS, proxies those of triggers.
	web, secure string
	proxies     map[place]string
	// planted faults, and the commands that each one whose cause was named has taken.
	planted  int
	mu       sync.Mutex
	commands []int
}

// plantFaults applies all objects, and has requests wait for the applications that cannot start.
func plantFaults(t *testing.T) *scene {
	c := cluster.Connect(t)
	s := &scene{Cluster: c, namespaces: map[place]string{}, proxies: map[place]string{}}
	for _, in := range []place{home, guest, tight} {
		s.namespaces[in] = c.Namespace(t)
	}
	certify(t, c, s.namespaces[home], "secure", 1)
	c.Apply(t, s.namespaces[home], fineYAML+"---"+render(t, echoYAML, echo{Name: "a", Replicas: 1}))
	s.faults = objectFaults(t, s.namespaces[home])
	for _, fault := range s.faults {
		if fault.objects != "" {
			c.Apply(t, s.namespaces[fault.inside], fault.objects)
		}
	}
	s.web, s.secure = c.GatewayReady(t, s.namespaces[home], "web"), c.GatewayReady(t, s.namespaces[home], "secure")
	for _, in := range []place{home, tight} {
		s.proxies[in] = c.GatewayReady(t, s.namespaces[in], proxyName) + ":8080"
	}
	c.Apply(t, s.namespaces[tight], fmt.Sprintf(quotaYAML, len(c.Pods(t, s.namespaces[tight], ""))))
	for _, fault := range s.faults {
		if fault.kind == kindScaled && fault.gets != 0 {
			askUntilServed(t, s.proxies[fault.inside], fault.host)
		}
	}
	return s
}

// show sees each fault as a client does.
func (s *scene) show(t *testing.T) {
	for _, fault := range s.faults {
		if fault.gets == 0 {
			continue
		}
		address := s.web
		if fault.kind == kindScaled {
			address = s.proxies[fault.inside]
		}
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			becomes(t, address, fault.host, fault.path, fault.gets)
		})
	}
	t.Run("misdirected", func(t *testing.T) {
		t.Parallel()
		cluster.Eventually(t, 30*time.Second, func() error {
			response, err := secureAnswer(s.secure, secureHost, "b.example.com")
			if err == nil && response.StatusCode != http.StatusMisdirectedRequest {
				err = fmt.Errorf("status %s", response.Status)
			}
			return err
		})
	})
}

// kedify runs a command of the command line, and returns what a user reads.
func kedify(t *testing.T, args ...string) string {
	t.Helper()
	root := &cobra.Command{Use: "kubectl-kedify", SilenceUsage: true, SilenceErrors: true}
	root.AddGroup(cli.Groups()...)
	root.AddCommand(cli.Commands()...)
	var out strings.Builder
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	if err := root.ExecuteContext(t.Context()); err != nil && !errors.Is(err, cli.ErrFound) {
		fmt.Fprintln(&out, "error:", err)
	}
	return out.String()
}

// checklist runs a command that prints one, and returns it.
func checklist(t *testing.T, args ...string) (chain.Checklist, error) {
	t.Helper()
	text := kedify(t, append(args, "-o", "json")...)
	var printed struct{ Items []chain.Checklist }
	if err := json.Unmarshal([]byte(text), &printed); err != nil || len(printed.Items) != 1 {
		return chain.Checklist{}, fmt.Errorf("%q printed no checklist (%w): %s", args, err, text)
	}
	return printed.Items[0], nil
}

// fine: nothing is said to be wrong of the route and the Gateway without a fault.
func (s *scene) fine(t *testing.T) {
	cluster.Eventually(t, 20*time.Second, func() error {
		list, err := checklist(t, "explain", "httproute", s.namespaces[home]+"/good")
		if err == nil && !list.Served {
			err = errors.New(list.Cause)
		}
		return err
	})
	for _, row := range []string{"HTTPRoute " + s.namespaces[home] + " good True", "Gateway " + s.namespaces[home] + " web True"} {
		if !told(kedify(t, "status", "-A"), row, "") {
			t.Errorf("status has no row %q", row)
		}
	}
}

// told reports whether a line of a text begins with words, however far they are apart, and contains another text.
func told(text, words, says string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.Join(strings.Fields(line), " ")+" ", words+" ") && strings.Contains(line, says) {
			return true
		}
	}
	return false
}

// ask asks about the faults of objects.
func (s *scene) ask(t *testing.T) {
	s.planted += len(s.faults)
	var text string
	t.Run("status", func(t *testing.T) {
		cluster.Eventually(t, time.Minute, func() error {
			text = kedify(t, "status", "-A")
			var silent []string
			for _, fault := range s.faults {
				if fault.by == byStatus && !s.named(text, fault) {
					silent = append(silent, fault.name)
				}
			}
			if len(silent) > 0 {
				return fmt.Errorf("status does not name the causes of %s:\n%s", silent, text)
			}
			return nil
		})
	})
	t.Run("explain", func(t *testing.T) {
		for _, fault := range s.faults {
			t.Run(fault.name, func(t *testing.T) {
				t.Parallel()
				cluster.Eventually(t, 30*time.Second, func() error { return s.explains(t, fault) })
				taken := byExplain
				if s.named(text, fault) {
					taken = byStatus
				}
				s.takes(t, taken, fault.by)
			})
		}
	})
}

// takes counts the commands that the cause of a fault took.
func (s *scene) takes(t *testing.T, taken, want command) {
	t.Helper()
	if taken != want {
		t.Errorf("named by %s, not by %s", taken, want)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = append(s.commands, int(taken))
}

// named reports whether status names the cause of a fault.
func (s *scene) named(text string, fault planted) bool {
	kind, name, _ := strings.Cut(fault.row, " ")
	return fault.row != "" && told(text, kind+" "+s.namespaces[fault.inside]+" "+name, fault.says)
}

// explains: the link of the fault is the first one that does not hold, or says what is to be known where all hold.
func (s *scene) explains(t *testing.T, fault planted) error {
	args := append([]string{"explain"}, fault.asks...)
	if fault.asks[0] == "request" {
		args = append(args, "--gateway", s.namespaces[home]+"/"+map[bool]string{true: "secure", false: "web"}[fault.name == "misdirected"])
	} else {
		args[2] = s.namespaces[fault.inside] + "/" + args[2]
	}
	list, err := checklist(t, args...)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list.Links, func(link chain.Link) bool {
		return link.State == chain.Failed || list.Served && link.Name == fault.link
	})
	if at < 0 || list.Links[at].Name != fault.link || !strings.Contains(list.Links[at].Evidence, fault.says) {
		return fmt.Errorf("%q does not name %s: %q: %+v", args, fault.link, fault.says, list)
	}
	return nil
}

// requests: what is said of a request is what the Envoy does with it.
func (s *scene) requests(t *testing.T) {
	for url, says := range map[string]string{
		"http://good.example.com/cart":  "Service " + s.namespaces[home] + "/a:80",
		"http://good.example.com/cars":  `path is "/cars"`,
		"http://no-service.example.com": "500",
	} {
		if text := kedify(t, "explain", "request", "GET", url, "--gateway", s.namespaces[home]+"/web"); !strings.Contains(text, says) {
			t.Errorf("%s: %q is not in\n%s", url, says, text)
		}
	}
}

// proxy: Envoy's admin interface answers what it may be asked through its Pod, and nothing else.
func (s *scene) proxy(t *testing.T) {
	rest, err := config.GetConfig()
	if err != nil {
		t.Fatal(err)
	}
	desk, err := reach.New(rest, controllers)
	if err != nil {
		t.Fatal(err)
	}
	pods := s.Pods(t, s.namespaces[home], "gateway.networking.k8s.io/gateway-name=web")
	if len(pods) == 0 {
		t.Fatal("the Gateway has no Pod")
	}
	pod := types.NamespacedName{Namespace: s.namespaces[home], Name: pods[0].Name}
	admin := func(method, path string) ([]byte, error) {
		return desk.Exec(t.Context(), pod, reach.ContainerShutdown, []string{"/kedify-gateway", "admin", method, path}, 1<<24)
	}
	body, err := admin("GET", "/clusters?format=json")
	if err != nil || !strings.Contains(string(body), "service/"+s.namespaces[home]+"/a/80") {
		t.Errorf("%.500s %v", body, err)
	}
	_, err = admin("POST", "/quitquitquit")
	if err == nil || !strings.Contains(err.Error(), "not among what is let through") {
		t.Errorf("%v", err)
	}
}

// installationFault is one that harms all: it is planted last, and mended.
type installationFault struct {
	name  string
	plant func(*testing.T, *scene)
	by    command
	// row begins a line of status; empty: it says nothing.
	row        string
	link, says string
}

var installationFaults = []installationFault{
	{name: "other-bundle", plant: func(t *testing.T, s *scene) {
		bundle := s.bundle(t, "v1.7.9")
		t.Cleanup(func() { s.bundle(t, bundle) })
	}, by: byDoctor, link: "crds", says: "CRDs of several bundles of Gateway API are mixed"},
	{name: "no-controllers", plant: func(t *testing.T, s *scene) { stopControllers(t, s.Cluster) },
		by: byStatus, row: "Not all is known:", link: "replicas", says: "of the control plane"},
	{name: "no-ca", plant: func(t *testing.T, s *scene) {
		webhooks := &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: controllerName}}
		cluster.Edit(t, s.Cluster, webhooks, func(live *admissionregistrationv1.ValidatingWebhookConfiguration) {
			for i := range live.Webhooks {
				live.Webhooks[i].ClientConfig.CABundle = nil
			}
		})
	}, by: byDoctor, link: "webhooks", says: "it has no CA"},
}

// bundle has a CRD say that it is of a bundle of Gateway API, and returns the one that it said before.
func (s *scene) bundle(t *testing.T, version string) (before string) {
	t.Helper()
	crd := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition"}}
	ctx := context.WithoutCancel(t.Context()) // it is called when the test ends as well
	err := s.Get(ctx, client.ObjectKey{Name: "tlsroutes.gateway.networking.k8s.io"}, crd)
	before = crd.Annotations[class.BundleAnnotation]
	patch := fmt.Sprintf(`{"metadata": {"annotations": {%q: %q}}}`, class.BundleAnnotation, version)
	if err = errors.Join(err, s.Patch(ctx, crd, client.RawPatch(types.MergePatchType, []byte(patch)))); err != nil {
		t.Fatal(err)
	}
	return before
}

// askOfInstallation plants the faults of the installation, asks, and mends them.
func (s *scene) askOfInstallation(t *testing.T) {
	s.planted += len(installationFaults)
	t.Run("installation", func(t *testing.T) {
		for _, fault := range installationFaults {
			fault.plant(t, s)
		}
		text := kedify(t, "status", "-A")
		list, err := checklist(t, "doctor")
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range installationFaults {
			t.Run(fault.name, func(t *testing.T) {
				taken := byDoctor
				if fault.row != "" && told(text, fault.row, fault.says) {
					taken = byStatus
				}
				if !slices.ContainsFunc(list.Links, func(link chain.Link) bool {
					return link.State == chain.Failed && link.Name == fault.link && strings.Contains(link.Evidence, fault.says)
				}) {
					t.Fatalf("doctor does not name %s: %q: %+v", fault.link, fault.says, list)
				}
				s.takes(t, taken, fault.by)
			})
		}
	})
	t.Run("mended", func(t *testing.T) {
		s.DeploymentReady(t, controllers, controllerName)
		cluster.Eventually(t, time.Minute, func() error {
			list, err := checklist(t, "doctor")
			for _, name := range []string{"kubernetes", "crds", "replicas", "leader", "webhooks"} {
				holds := func(link chain.Link) bool { return link.Name == name && link.State == chain.OK }
				if !slices.ContainsFunc(list.Links, holds) {
					err = errors.Join(err, fmt.Errorf("check %s does not hold", name))
				}
				for _, link := range list.Links {
					if link.Name == name && link.State == chain.Failed {
						err = errors.Join(err, fmt.Errorf("%+v", link))
					}
				}
			}
			return err
		})
	})
}
