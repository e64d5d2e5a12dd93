package oci

import (
	"bytes"
	"encoding/pem"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// certificateBundle is where Go programs and Envoy look for authorities.
const certificateBundle = "/etc/ssl/certs/ca-certificates.crt"

const passwd = `root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
`

const group = `root:x:0:
nobody:x:65534:
nonroot:x:65532:
`

// Rootfs is what a static program expects around it: users, the order of name lookup, the authorities of the web, and /tmp.
// All of it comes from this module and its dependencies, nothing from the machine.
func Rootfs() ([]File, error) {
	authorities, err := authorities()
	if err != nil {
		return nil, err
	}
	return []File{
		{Path: "/etc/passwd", Mode: 0o644, Content: []byte(passwd)},
		{Path: "/etc/group", Mode: 0o644, Content: []byte(group)},
		{Path: "/etc/nsswitch.conf", Mode: 0o644, Content: []byte("hosts: files dns\n")},
		{Path: certificateBundle, Mode: 0o644, Content: authorities},
		{Path: "/tmp", Mode: 0o1777, Folder: true},
	}, nil
}

// authorities are those that Mozilla trusts, as the Go project publishes them. A file of certificates cannot say
// "until that day": an authority with such a constraint is left out.
func authorities() ([]byte, error) {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
