// Package smoke holds tests of the testbed itself: they run inside a cluster
// and check what other tests rely on. Outside they skip.
//
//	go test -c -o bin/smoke.test ./hack/testbed/smoke
//	bin/testbed up --profile conformance && bin/testbed exec -- bin/smoke.test -test.v
package smoke
