// Command etcd is the cluster's store: etcd's own entry point, compiled here
// because the server module's main package cannot be built by other modules
// without its replace lines.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
