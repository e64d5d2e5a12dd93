package scaler

import "net/netip"

// ModelPods are the Pods that say by metrics of their own how busy the model of a trigger is. They are not modified.
type ModelPods struct {
	// Engine that the Pods run, a v1alpha1.Engine.
	Engine string
	// Path of their metrics, from the first slash on, with a query if there is one.
	Path string
	// Pods that are ready, each once for each port that is read, sorted by ID and port.
	Pods []ModelPod
	// Foreign is how many ready endpoints of the backend are no Pods of its namespace. They are never read, and never forgotten.
	Foreign int
	// Missing says why the Pods are not known; empty: they are, and where there are none, none is ready.
	Missing string
}

// ModelPod is one port of a Pod.
type ModelPod struct {
	Name string
	// ID is the UID of the Pod: another Pod of the name, or at the address, has another one.
	ID      string
	Address netip.AddrPort
}
