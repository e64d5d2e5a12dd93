// Package dump reads what a pod says about itself on its port for metrics.
//
// Job: let tests see what the product believes about demand, replica by replica, and what
// controllers and pickers count.
// Inputs: the address of one pod.
// Outputs: what a controller knows of each trigger (api/debug); the sum of a metric.
// Ownership: a request per question; nothing is kept.
package dump

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/kedify/inference-gateway/api/debug"
)

// Port of metrics and dumps of a controller.
const Port = "8080"

// Demands asks the controller with the address of a pod.
func Demands(ctx context.Context, ip string) (map[string]debug.Demand, error) {
	var list []debug.Demand
	if err := read(ctx, ip, "/demand", &list); err != nil {
		return nil, err
	}
	byKey := map[string]debug.Demand{}
	for _, demand := range list {
		byKey[demand.Key] = demand
	}
	return byKey, nil
}

// ExternalClusters asks the controller with the address of a pod for the clusters of Envoys of
// users that count, each with the triggers that it counts for.
func ExternalClusters(ctx context.Context, ip string) (clusters debug.EnvoyMetricsMap, err error) {
	err = read(ctx, ip, "/envoy-metrics-map", &clusters)
	return clusters, err
}

// Sum reads the Prometheus metrics of a pod and adds up a counter or gauge over the samples that
// have the labels, pairs of name and value. A metric that is not there yet is 0.
func Sum(ctx context.Context, ip, port, name string, labels ...string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	response, err := get(ctx, ip, port, "/metrics", "")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", response.Request.URL, err)
	}
	sum := 0.0
	for _, metric := range families[name].GetMetric() {
		if has(metric.GetLabel(), labels) {
			sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
		}
	}
	return sum, nil
}

// read reads a dump of a controller.
func read(ctx context.Context, ip, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	shown, err := token()
	if err != nil {
		return err
	}
	response, err := get(ctx, ip, Port, path, shown)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", response.Request.URL, err)
	}
	return nil
}

func has(all []*dto.LabelPair, labels []string) bool {
	for i := 0; i+1 < len(labels); i += 2 {
		if !slices.ContainsFunc(all, func(l *dto.LabelPair) bool { return l.GetName() == labels[i] && l.GetValue() == labels[i+1] }) {
			return false
		}
	}
	return true
}

func get(ctx context.Context, ip, port, path, token string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(ip, port)+path, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("%s of %s", response.Status, request.URL)
	}
	return response, nil
}
