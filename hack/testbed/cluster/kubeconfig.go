package cluster

import (
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// kubeconfigUsers are the components that talk to the API server, by the name
// of their certificate.
var kubeconfigUsers = []string{"controller-manager", "scheduler", "proxy", "kubelet", "load-balancer"}

// writeKubeconfigs writes the administrator's and every component's file.
func writeKubeconfigs(l Layout) error {
	if err := writeKubeconfig(l, "admin", l.Kubeconfig()); err != nil {
		return err
	}
	for _, user := range kubeconfigUsers {
		if err := writeKubeconfig(l, user, l.config(user+".kubeconfig")); err != nil {
			return err
		}
	}
	return nil
}

// writeKubeconfig embeds nothing: the key files are in the same folder tree,
// and a rewritten file cannot disagree with them.
func writeKubeconfig(l Layout, user, path string) error {
	const name = "testbed"
	config := api.NewConfig()
	config.Clusters[name] = &api.Cluster{Server: l.apiServerURL(), CertificateAuthority: l.pki("ca.crt")}
	config.AuthInfos[user] = &api.AuthInfo{ClientCertificate: l.pki(user + ".crt"), ClientKey: l.pki(user + ".key")}
	config.Contexts[name] = &api.Context{Cluster: name, AuthInfo: user}
	config.CurrentContext = name
	return clientcmd.WriteToFile(*config, path)
}
