// Package scrape reads the Prometheus metrics of the controllers.
//
// Job: what the control plane itself says about a run. Inputs: the pods of the controller.
// Outputs: sums over all replicas.
// Ownership: nothing is kept between calls.
package scrape

import (
	"context"
	"fmt"
	"net/http"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// Namespace of the installation.
	Namespace = "kedify-system"
	port      = 8080
)

// Families are the metrics of one controller.
type Families map[string]*dto.MetricFamily

// Labels select the pods of the controller.
var Labels = client.MatchingLabels{"app.kubernetes.io/name": "kedify-gateway"}

// Controllers reads the metrics of every running controller, by the name of its pod.
func Controllers(ctx context.Context, c client.Client) (map[string]Families, error) {
	var pods corev1.PodList
	if err := c.List(ctx, &pods, client.InNamespace(Namespace), Labels); err != nil {
		return nil, err
	}
	all := map[string]Families{}
	for _, pod := range pods.Items {
		if pod.Status.Phase != corev1.PodRunning || pod.DeletionTimestamp != nil || pod.Status.PodIP == "" {
			continue
		}
		families, err := read(ctx, fmt.Sprintf("http://%s:%d/metrics", pod.Status.PodIP, port))
		if err != nil {
			return nil, fmt.Errorf("metrics of %s: %w", pod.Name, err)
		}
		all[pod.Name] = families
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no controller runs in %s", Namespace)
	}
	return all, nil
}

func read(ctx context.Context, url string) (Families, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(response.Body)
}

// Value is the sum of a counter or gauge over the samples that have the labels.
func (f Families) Value(name string, labels ...string) float64 {
	sum := 0.0
	for _, metric := range f[name].GetMetric() {
		if has(metric, labels) {
			sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
		}
	}
	return sum
}

// Histogram is the count and the sum of a histogram over the samples that have the labels.
func (f Families) Histogram(name string, labels ...string) (count uint64, sum float64) {
	for _, metric := range f[name].GetMetric() {
		if has(metric, labels) {
			count += metric.GetHistogram().GetSampleCount()
			sum += metric.GetHistogram().GetSampleSum()
		}
	}
	return count, sum
}

// has compares pairs of name and value.
func has(metric *dto.Metric, labels []string) bool {
	for i := 0; i+1 < len(labels); i += 2 {
		found := false
		for _, pair := range metric.GetLabel() {
			found = found || pair.GetName() == labels[i] && pair.GetValue() == labels[i+1]
		}
		if !found {
			return false
		}
	}
	return true
}
