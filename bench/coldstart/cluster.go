package main

import (
	"context"
	"fmt"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/bench/internal/world"
)

// proxyName is the Gateway that the product makes in each namespace with a trigger, and
// proxyPort that of its listener for cleartext.
const (
	proxyName = "kedify-proxy"
	proxyPort = 8080
)

// cluster is a connection to the cluster under test.
type cluster struct {
	client.WithWatch
	node string // its address: of the programs that run beside the pods
}

func connect() (*cluster, error) {
	settings, err := config.GetConfig()
	if err != nil {
		return nil, err
	}
	settings.QPS, settings.Burst = 1000, 1000
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, gwv1.Install, v1alpha1.AddToScheme, kedav1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	c, err := client.NewWithWatch(settings, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	var nodes corev1.NodeList
	if err := c.List(context.Background(), &nodes); err != nil {
		return nil, err
	}
	if len(nodes.Items) != 1 {
		return nil, fmt.Errorf("%d nodes: this benchmark runs on the only one", len(nodes.Items))
	}
	for _, a := range nodes.Items[0].Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			return &cluster{WithWatch: c, node: a.Address}, nil
		}
	}
	return nil, fmt.Errorf("node %s has no address", nodes.Items[0].Name)
}

// namespace makes one; remove deletes it.
func (c *cluster) namespace(ctx context.Context) (name string, remove func(), err error) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "bench-"}}
	if err := c.Create(ctx, namespace); err != nil {
		return "", nil, err
	}
	return namespace.Name, func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := c.Delete(ctx, namespace); err != nil {
			fmt.Println("removing the namespace:", err)
		}
	}, nil
}

// proxy waits until the Gateway of the product serves, and returns its address.
func (c *cluster) proxy(ctx context.Context, namespace string) (address string, err error) {
	err = world.Wait(ctx, 2*time.Minute, func() error {
		var gateway gwv1.Gateway
		if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: proxyName}, &gateway); err != nil {
			return err
		}
		for _, condition := range gateway.Status.Conditions {
			programmed := condition.Type == string(gwv1.GatewayConditionProgrammed) && condition.Status == metav1.ConditionTrue
			if programmed && len(gateway.Status.Addresses) > 0 {
				address = fmt.Sprintf("%s:%d", gateway.Status.Addresses[0].Value, proxyPort)
				return nil
			}
		}
		return fmt.Errorf("gateway %s/%s is not programmed: %v", namespace, proxyName, gateway.Status.Conditions)
	})
	return address, err
}

// accepted waits until as many triggers are in force.
func (c *cluster) accepted(ctx context.Context, namespace string, triggers int) error {
	return world.Wait(ctx, 10*time.Minute, func() error {
		var all v1alpha1.HTTPScalerList
		if err := c.List(ctx, &all, client.InNamespace(namespace)); err != nil {
			return err
		}
		n := 0
		for i := range all.Items {
			for _, condition := range all.Items[i].Status.Conditions {
				if condition.Type == "Accepted" && condition.Status == metav1.ConditionTrue {
					n++
				}
			}
		}
		if n < triggers {
			return fmt.Errorf("%d of %d triggers are accepted", n, triggers)
		}
		return nil
	})
}
