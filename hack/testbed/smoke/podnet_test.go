package smoke

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// getFromPod fetches the URL from inside the network namespace of the pod with
// this address: the images under test have no HTTP client.
func getFromPod(ip, url string) error {
	namespaces, err := filepath.Glob("/run/netns/cni-*")
	if err != nil {
		return err
	}
	for _, path := range namespaces {
		dialled, err := dialFrom(path, ip, url)
		if dialled {
			return err
		}
	}
	return fmt.Errorf("no network namespace has %s", ip)
}

// dialFrom reports whether the namespace is the one with the address, and what
// came of the request.
func dialFrom(path, ip, url string) (found bool, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends in the pod's namespace
		var f *os.File
		if f, err = os.Open(path); err != nil {
			return
		}
		defer f.Close()
		if err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			return
		}
		if !hasAddress(ip) {
			return
		}
		found = true
		err = getOnThisThread(url)
	}()
	<-done
	return found, err
}

func hasAddress(ip string) bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && network.IP.String() == ip {
			return true
		}
	}
	return false
}

// getOnThisThread opens the connection before the HTTP client sees it: the
// client dials on goroutines of its own, which are in another namespace.
func getOnThisThread(url string) error {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	connection, err := net.DialTimeout("tcp", net.JoinHostPort(request.URL.Hostname(), "80"), 3*time.Second)
	if err != nil {
		return err
	}
	defer connection.Close()
	client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return connection, nil },
	}}
	_, err = get(client, url)
	return err
}
