package charts_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// all returns the objects of one type.
func all[T runtime.Object](objects []runtime.Object) (found []T) {
	for _, object := range objects {
		if one, ok := object.(T); ok {
			found = append(found, one)
		}
	}
	return found
}

// on switches on parts of the monitoring.
func on(parts ...string) (arguments []string) {
	for _, part := range parts {
		arguments = append(arguments, "--set", "metrics."+part+".enabled=true")
	}
	return arguments
}

// Nothing needs the Prometheus Operator unless it is asked for.
func TestMonitoringIsOff(t *testing.T) {
	objects := rendered(t)
	for _, object := range objects {
		if group := object.GetObjectKind().GroupVersionKind().Group; group == monitoringv1.SchemeGroupVersion.Group {
			t.Errorf("an object of the Prometheus Operator: %+v", object)
		}
	}
	for _, config := range all[*corev1.ConfigMap](objects) {
		if config.Labels["grafana_dashboard"] != "" {
			t.Errorf("dashboard %s", config.Name)
		}
	}
	for set, want := range map[string]string{
		"": "--trigger-metrics=true", "metrics.triggers=false": "--trigger-metrics=false",
	} {
		deployment := find[*appsv1.Deployment](t, rendered(t, "--set", set))
		if args := deployment.Spec.Template.Spec.Containers[0].Args; !slices.Contains(args, want) {
			t.Errorf("%q: %q", set, args)
		}
	}
}

// A monitor selects Pods that have its port, and each replica is read by one monitor: series that are read twice double all sums.
func TestMonitors(t *testing.T) {
	for name, c := range map[string]struct {
		parts         []string
		pods, service int
	}{
		"Pods":     {[]string{"podMonitor"}, 3, 0},
		"Services": {[]string{"serviceMonitor"}, 0, 1},
		"both":     {[]string{"podMonitor", "serviceMonitor"}, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			objects := rendered(t, append(on(c.parts...), "--set", "metrics.podMonitor.labels.a=b,metrics.serviceMonitor.labels.a=b")...)
			pods, services := all[*monitoringv1.PodMonitor](objects), all[*monitoringv1.ServiceMonitor](objects)
			if len(pods) != c.pods || len(services) != c.service {
				t.Fatalf("%d PodMonitors and %d ServiceMonitors", len(pods), len(services))
			}
			readers := map[string]int{}
			for _, monitor := range services {
				checkServiceMonitor(t, monitor, find[*corev1.Service](t, objects))
				readers["kedify-gateway"]++
			}
			for _, monitor := range pods {
				for _, name := range checkPodMonitor(t, monitor, all[*appsv1.Deployment](objects)) {
					readers[name]++
				}
			}
			for name, n := range readers {
				if n != 1 {
					t.Errorf("%s is read %d times", name, n)
				}
			}
		})
	}
	// null is the default: the wiring runs, and is read.
	if monitors := all[*monitoringv1.PodMonitor](rendered(t, append(on("podMonitor"), "--set", "autowire=null")...)); len(monitors) != 3 {
		t.Errorf("autowire=null: %d PodMonitors", len(monitors))
	}
}

func checkServiceMonitor(t *testing.T, monitor *monitoringv1.ServiceMonitor, service *corev1.Service) {
	t.Helper()
	endpoint := monitor.Spec.Endpoints[0]
	port := func(p corev1.ServicePort) bool { return p.Name == endpoint.Port }
	if !selects(monitor.Spec.Selector.MatchLabels, service.Labels) || !slices.ContainsFunc(service.Spec.Ports, port) ||
		monitor.Labels["a"] != "b" || !endpoint.HonorLabels {
		t.Errorf("%+v", monitor)
	}
}

// checkPodMonitor returns the Deployments whose Pods the monitor selects.
func checkPodMonitor(t *testing.T, monitor *monitoringv1.PodMonitor, deployments []*appsv1.Deployment) (selected []string) {
	t.Helper()
	endpoint := monitor.Spec.PodMetricsEndpoints[0]
	if monitor.Labels["a"] != "b" {
		t.Errorf("%s has labels %v", monitor.Name, monitor.Labels)
	}
	if monitor.Name == "kedify-gateway-proxies" { // of all namespaces; controllers/infra makes their Pods
		if endpoint.Path != "/stats/prometheus" || *endpoint.Port != "metrics" || !monitor.Spec.NamespaceSelector.Any {
			t.Errorf("Envoys: %+v", monitor.Spec)
		}
		return nil
	}
	for _, deployment := range deployments {
		template := deployment.Spec.Template
		if !selects(monitor.Spec.Selector.MatchLabels, template.Labels) {
			continue
		}
		selected = append(selected, deployment.Name)
		port := func(p corev1.ContainerPort) bool { return p.Name == *endpoint.Port }
		if !slices.ContainsFunc(template.Spec.Containers[0].Ports, port) || !endpoint.HonorLabels {
			t.Errorf("%s: %+v", monitor.Name, endpoint)
		}
	}
	return selected
}

func selects(selector, labels map[string]string) bool {
	for name, value := range selector {
		if labels[name] != value {
			return false
		}
	}
	return true
}

// rules are those of the chart.
func rules(t *testing.T, arguments ...string) *monitoringv1.PrometheusRule {
	t.Helper()
	return find[*monitoringv1.PrometheusRule](t, rendered(t, append(on("rules"), arguments...)...))
}

// Each alert leads to its section of the page, and knows how many replicas there should be.
func TestRules(t *testing.T) {
	page, err := os.ReadFile("../docs/observe.md")
	if err != nil {
		t.Fatal(err)
	}
	group := rules(t, "--set", "replicas=5").Spec.Groups[0]
	if len(group.Rules) != 8 {
		t.Errorf("%d alerts", len(group.Rules))
	}
	for _, rule := range group.Rules {
		_, anchor, _ := strings.Cut(rule.Annotations["runbook_url"], "/docs/observe.md#")
		if anchor != strings.ToLower(rule.Alert) || !strings.Contains(string(page), "\n### "+rule.Alert+"\n") {
			t.Errorf("%s leads to %q, which the page has not", rule.Alert, rule.Annotations["runbook_url"])
		}
		if rule.Alert == "KedifyPeersMissing" && rule.Expr.String() != "kedify_gateway_peers_connected < 4" {
			t.Errorf("of 5 replicas: %s", &rule.Expr)
		}
	}
}

// promtool takes the rules as they are, and every alert fires with the series that it should fire with, and with no others.
func TestAlerts(t *testing.T) {
	folder := os.Getenv("PROMETHEUS")
	if folder == "" {
		t.Skip("PROMETHEUS is not set to the folder of promtool")
	}
	found, work := rules(t), t.TempDir()
	promtool := func(arguments ...string) {
		t.Helper()
		if out, err := exec.Command(filepath.Join(folder, "promtool"), arguments...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", arguments[0], err, out)
		}
	}
	file := filepath.Join(work, "rules.yaml")
	write := func(name string, value any) {
		t.Helper()
		text, err := yaml.Marshal(value)
		if err == nil {
			err = os.WriteFile(name, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write(file, found.Spec)
	promtool("check", "rules", file)
	for i := range found.Spec.Groups[0].Rules {
		found.Spec.Groups[0].Rules[i].Annotations = nil
	}
	write(file, found.Spec)
	series, err := os.ReadFile("testdata/alerts.yaml")
	if err == nil {
		err = os.WriteFile(filepath.Join(work, "alerts.yaml"), series, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	promtool("test", "rules", filepath.Join(work, "alerts.yaml"))
	fires, rests := cases(t, series)
	for _, rule := range found.Spec.Groups[0].Rules {
		if !fires[rule.Alert] || !rests[rule.Alert] {
			t.Errorf("%s: series with which it fires %v, with which it never does %v", rule.Alert, fires[rule.Alert], rests[rule.Alert])
		}
	}
}

// cases returns the alerts that fire in some test, and those that do not in a test of theirs.
func cases(t *testing.T, text []byte) (fires, rests map[string]bool) {
	t.Helper()
	var file struct {
		Tests []struct {
			AlertRuleTest []struct {
				Alertname string `json:"alertname"`
				ExpAlerts []any  `json:"exp_alerts"`
			} `json:"alert_rule_test"`
		} `json:"tests"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	fires, rests = map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		fired := map[string]bool{}
		for _, one := range test.AlertRuleTest {
			fired[one.Alertname] = fired[one.Alertname] || len(one.ExpAlerts) > 0
		}
		for name, did := range fired {
			fires[name], rests[name] = fires[name] || did, rests[name] || !did
		}
	}
	return fires, rests
}

// The dashboards are ConfigMaps that a sidecar of Grafana finds, and their content is that of the files.
func TestDashboards(t *testing.T) {
	files, err := filepath.Glob("kedify-gateway/dashboards/*.json")
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	contents := map[string]string{}
	for _, config := range all[*corev1.ConfigMap](rendered(t, on("dashboards")...)) {
		if config.Labels["grafana_dashboard"] == "1" {
			maps.Copy(contents, config.Data)
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got := contents[filepath.Base(file)]
		if strings.TrimSpace(got) != strings.TrimSpace(string(text)) || !json.Valid([]byte(got)) {
			t.Errorf("%s is %.60q in the ConfigMap", file, got)
		}
	}
	if len(contents) != len(files) {
		t.Errorf("%d dashboards of %d files", len(contents), len(files))
	}
}
