package clients

// cells are all that are possible for a client; in the short form each exchange of a client meets each
// protocol, each kind of host and each target, but not in all combinations.
func (c *Client) cells(long bool) (all []Cell) {
	for e, exchange := range c.Exchanges {
		for p, protocol := range c.Protocols {
			for h, host := range Hosts {
				for t, target := range c.targets() {
					cell := Cell{Client: c, Exchange: exchange, Protocol: protocol, Host: host, Target: target}
					if cell.possible() && (long || (e+p+h+t)%len(Hosts) == 0) {
						all = append(all, cell)
					}
				}
			}
		}
	}
	return all
}
