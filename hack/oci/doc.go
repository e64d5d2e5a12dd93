// Package oci packs static programs into container images, for the testbed and for releases, without a
// container engine. Manifests, indexes, layouts and pushes are go-containerregistry's; the package decides what
// is in an image and that the same input gives the same digest (docs/adr/0047-images-and-releases.md).
//
// Job: files to layers, layers to images, images to archives that containerd, kind, Docker and Podman load.
// Inputs: files, by content or by path; the configuration of an image. No network, no clock.
// Outputs: v1.Layer, v1.Image, and archives that appear in one step.
// Ownership: the caller's goroutine; a layer that is being read has one more, which ends with the reader.
package oci
