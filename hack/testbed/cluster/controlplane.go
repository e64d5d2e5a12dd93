package cluster

// The programs of the control plane. Flags not set here keep their defaults,
// so that what is tested on the testbed is what other clusters do; those that
// are set either say where things are, or keep a starved machine calm.

func etcd() program {
	return program{name: "etcd", flags: map[string]string{
		"name":                        "testbed",
		"data-dir":                    "/var/lib/etcd",
		"listen-client-urls":          "http://127.0.0.1:2379",
		"advertise-client-urls":       "http://127.0.0.1:2379",
		"listen-peer-urls":            "http://127.0.0.1:2380",
		"initial-advertise-peer-urls": "http://127.0.0.1:2380",
		"initial-cluster":             "testbed=http://127.0.0.1:2380",
		"unsafe-no-fsync":             "true",
		"log-level":                   "warn",
	}}
}

func apiServer(l Layout) program {
	return program{name: "kube-apiserver", flags: map[string]string{
		"etcd-servers":      "http://127.0.0.1:2379",
		"advertise-address": l.addresses().node,
		"bind-address":      l.addresses().any,
		"secure-port":       "6443",

		"tls-cert-file":        l.pki("apiserver.crt"),
		"tls-private-key-file": l.pki("apiserver.key"),
		"client-ca-file":       l.pki("ca.crt"),

		"kubelet-certificate-authority":      l.pki("ca.crt"),
		"kubelet-client-certificate":         l.pki("apiserver-kubelet-client.crt"),
		"kubelet-client-key":                 l.pki("apiserver-kubelet-client.key"),
		"kubelet-preferred-address-types":    "InternalIP",
		"service-account-issuer":             "https://kubernetes.default.svc." + ClusterDomain,
		"service-account-key-file":           l.pki("service-account.pub"),
		"service-account-signing-key-file":   l.pki("service-account.key"),
		"service-cluster-ip-range":           l.addresses().services,
		"authorization-mode":                 "Node,RBAC",
		"enable-admission-plugins":           "NodeRestriction",
		"allow-privileged":                   "true",
		"profiling":                          "false",
		"requestheader-client-ca-file":       l.pki("front-proxy-ca.crt"),
		"requestheader-allowed-names":        frontProxyLeaf.user,
		"requestheader-username-headers":     "X-Remote-User",
		"requestheader-group-headers":        "X-Remote-Group",
		"requestheader-extra-headers-prefix": "X-Remote-Extra-",
		"proxy-client-cert-file":             l.pki("front-proxy-client.crt"),
		"proxy-client-key-file":              l.pki("front-proxy-client.key"),
		"enable-aggregator-routing":          "true",
		// ClusterTrustBundles, which Kubernetes 1.37 serves without being asked.
		"feature-gates":  "ClusterTrustBundle=true",
		"runtime-config": "certificates.k8s.io/v1beta1/clustertrustbundles=true",
	}}
}

func controllerManager(l Layout) program {
	kubeconfig := l.config("controller-manager.kubeconfig")
	return program{name: "kube-controller-manager", flags: map[string]string{
		"kubeconfig":                       kubeconfig,
		"authentication-kubeconfig":        kubeconfig,
		"authorization-kubeconfig":         kubeconfig,
		"bind-address":                     "127.0.0.1",
		"root-ca-file":                     l.pki("ca.crt"),
		"cluster-signing-cert-file":        l.pki("ca.crt"),
		"cluster-signing-key-file":         l.pki("ca.key"),
		"service-account-private-key-file": l.pki("service-account.key"),
		"use-service-account-credentials":  "true",
		"leader-elect":                     "false",
		"kube-api-qps":                     "500",
		"kube-api-burst":                   "1000",
		"profiling":                        "false",

		// The default is a folder of the machine, which it would create.
		"flex-volume-plugin-dir": volumePlugins,
		// Tests of scaling wait for the autoscaler.
		"horizontal-pod-autoscaler-sync-period": "2s",
		// A machine with two busy cores may be late; its node is not dead.
		"node-monitor-grace-period": "10m",
	}}
}

func scheduler(l Layout) program {
	kubeconfig := l.config("scheduler.kubeconfig")
	return program{name: "kube-scheduler", flags: map[string]string{
		"kubeconfig":                kubeconfig,
		"authentication-kubeconfig": kubeconfig,
		"authorization-kubeconfig":  kubeconfig,
		"bind-address":              "127.0.0.1",
		"leader-elect":              "false",
		"kube-api-qps":              "500",
		"kube-api-burst":            "1000",
		"profiling":                 "false",
	}}
}

// loadBalancer is this program itself.
func loadBalancer(l Layout) program {
	return program{name: "load-balancer", binary: "testbed", args: []string{"lb"}, flags: map[string]string{
		"kubeconfig": l.config("load-balancer.kubeconfig"),
		"network":    l.addresses().loadBalancers,
		"static":     l.addresses().static,
	}}
}
