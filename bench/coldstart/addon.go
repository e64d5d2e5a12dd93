package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/bench/internal/world"
)

const addOnName = "http-add-on"

// Ports of its programs, on the node's address: they run beside the pods.
const (
	addOnProxy  = 18082
	addOnAdmin  = 18083
	addOnScaler = 18084
	adminName   = "interceptor-admin"
)

// startAddOn runs http-add-on as its manifests do, with its default timers: the interceptor that
// takes and holds requests, and the scaler that asks it for counts and answers KEDA. What differs
// is where the programs run (processes on the node, not pods) and that each has one replica.
func (b *bench) startAddOn(ctx context.Context, s side) (address string, err error) {
	if err := b.addOnCRDs(ctx); err != nil {
		return "", err
	}
	if err := b.addOnService(ctx); err != nil {
		return "", err
	}
	common := []string{"KEDA_HTTP_WATCH_NAMESPACE=" + b.namespace, "OTEL_PROM_EXPORTER_ENABLED=false"}
	for program, env := range map[string][]string{
		"interceptor": {"KEDA_HTTP_PROXY_PORT=" + strconv.Itoa(addOnProxy), "KEDA_HTTP_ADMIN_PORT=" + strconv.Itoa(addOnAdmin)},
		"scaler": {
			"KEDA_HTTP_SCALER_PORT=" + strconv.Itoa(addOnScaler), "KEDA_HTTP_SCALER_TARGET_ADMIN_PORT=" + strconv.Itoa(addOnAdmin),
			"KEDA_HTTP_SCALER_TARGET_ADMIN_NAMESPACE=" + b.namespace,
			"KEDA_HTTP_SCALER_TARGET_ADMIN_SERVICE=" + adminName, "KEDA_HTTP_SCALER_TARGET_ADMIN_DEPLOYMENT=" + adminName,
		},
	} {
		if err := b.runAddOn(ctx, program, append(common, env...)); err != nil {
			return "", err
		}
	}
	for i := range s.workloads {
		if err := b.addAddOn(ctx, s.workload(i)); err != nil {
			return "", err
		}
	}
	address = net.JoinHostPort(b.node, strconv.Itoa(addOnProxy))
	return address, world.Wait(ctx, time.Minute, func() error {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
}

// addOnCRDs applies its CRDs.
func (b *bench) addOnCRDs(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(b.AddOn, "*.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no CRDs in %s: %w", b.AddOn, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &crd.Object); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		apply := client.ApplyConfigurationFromUnstructured(crd)
		if err := b.Apply(ctx, apply, client.FieldOwner("bench"), client.ForceOwnership); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// addOnService leads the scaler to the interceptor.
func (b *bench) addOnService(ctx context.Context) error {
	meta := metav1.ObjectMeta{Namespace: b.namespace, Name: adminName}
	port := int32(addOnAdmin)
	spec := corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "admin", Port: port}}}
	if err := b.Create(ctx, &corev1.Service{ObjectMeta: meta, Spec: spec}); err != nil {
		return err
	}
	meta.Labels = map[string]string{discoveryv1.LabelServiceName: adminName}
	return b.Create(ctx, &discoveryv1.EndpointSlice{
		ObjectMeta: meta, AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{b.node}, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)}}},
		Ports:     []discoveryv1.EndpointPort{{Name: ptr.To("admin"), Port: &port, Protocol: ptr.To(corev1.ProtocolTCP)}},
	})
}

// runAddOn starts one of its programs; it ends with the context.
func (b *bench) runAddOn(ctx context.Context, program string, env []string) error {
	log, err := os.CreateTemp("", program+"-*.log")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(b.AddOn, program), "--zap-log-level=error")
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 2 * time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	b.programs.Go(func() {
		err := cmd.Wait()
		text, _ := os.ReadFile(log.Name())
		_ = os.Remove(log.Name())
		if ctx.Err() == nil {
			fmt.Fprintf(os.Stderr, "%s of http-add-on ended: %v\n%s", program, err, text)
			os.Exit(1)
		}
	})
	return nil
}

// addAddOn makes a workload as its users do: a route of its own and a ScaledObject that refers
// to it.
func (b *bench) addAddOn(ctx context.Context, name string) error {
	if err := b.deploy(ctx, b.namespace, name); err != nil {
		return err
	}
	route := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "http.keda.sh/v1beta1", "kind": "InterceptorRoute",
		"metadata": map[string]any{"namespace": b.namespace, "name": name},
		"spec": map[string]any{
			"target":        map[string]any{"service": name, "port": int64(80)},
			"rules":         []any{map[string]any{"hosts": []any{hostname(name)}}},
			"scalingMetric": map[string]any{"requestRate": map[string]any{"targetValue": int64(1000)}},
		},
	}}
	// The API server may not serve a kind yet whose CRD it has just taken.
	if err := world.Wait(ctx, 30*time.Second, func() error { return b.Create(ctx, route) }); err != nil {
		return errors.Join(fmt.Errorf("InterceptorRoute %s", name), err)
	}
	return b.Create(ctx, scaledObject(b.namespace, name, kedav1alpha1.ScaleTriggers{
		Type: "external-push", Metadata: map[string]string{
			"scalerAddress": net.JoinHostPort(b.node, strconv.Itoa(addOnScaler)), "interceptorRoute": name,
		},
	}))
}
