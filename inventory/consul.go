package inventory

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/chaoscat/chaoscat/engine"
	"github.com/chaoscat/chaoscat/engine/web"
)

// Consul is the catalogue of a Consul datacenter: all its nodes, or the nodes on which some services run.
//
// A host is a node, with the node's address, never a service's, which may be that of a balancer. The names and tags
// of the services that were asked for are its groups; the metadata of node and service, and the datacenter, its tags.
// The catalogue is asked and not the health of the services: a host that is unwell is the business of the gates, and
// must not come and go in the inventory.
type Consul struct {
	Web        web.Options // URL is that of an agent; the token is a header file, X-Consul-Token; MaxBody 0 means 64 MiB
	Services   []string    // none means all nodes
	Datacenter string      // "" means the agent's own
}

var _ Source = Consul{}

// Name is the agent.
func (c Consul) Name() string {
	if u, err := url.Parse(c.Web.URL); err == nil {
		return "consul " + u.Host
	}
	return "consul"
}

// consulNode is a node as either list of the catalogue has it.
type consulNode struct {
	Node, Address, Datacenter string
	Meta                      map[string]string // of /v1/catalog/nodes
	NodeMeta, ServiceMeta     map[string]string // of /v1/catalog/service
	ServiceName               string
	ServiceTags               []string
}

// Load asks for one list after the other. One that cannot be had makes all of it fail: a part would look like a
// fleet that has shrunk.
func (c Consul) Load(ctx context.Context) (Listing, error) {
	if c.Web.MaxBody == 0 {
		c.Web.MaxBody = maxText
	}
	client, err := web.New(c.Web)
	if err != nil {
		return Listing{}, fmt.Errorf("%s: %w", c.Name(), err)
	}
	g := newGathering(c.Name())
	for _, list := range c.lists() {
		if err := c.ask(ctx, client, list, g); err != nil {
			return Listing{}, fmt.Errorf("%s: %s: %w", c.Name(), list.what, err)
		}
	}
	return g.done(), nil
}

// consulList is one list of the catalogue.
type consulList struct{ what, path string }

func (c Consul) lists() []consulList {
	if len(c.Services) == 0 {
		return []consulList{{"its nodes", "/v1/catalog/nodes"}}
	}
	var lists []consulList
	for _, name := range c.Services {
		lists = append(lists, consulList{"service " + show(name), "/v1/catalog/service/" + name})
	}
	return lists
}

func (c Consul) ask(ctx context.Context, client *web.Client, list consulList, g *gathering) error {
	query := url.Values{}
	if c.Datacenter != "" {
		query.Set("dc", c.Datacenter)
	}
	var nodes []consulNode
	if err := client.JSON(ctx, web.Request{Path: list.path, Query: query}, &nodes); err != nil {
		return asUnread(err)
	}
	return takeNodes(nodes, g)
}

// takeNodes gathers the nodes of one list. One that is empty is a name that is not right, or a token that sees nothing.
func takeNodes(nodes []consulNode, g *gathering) error {
	if len(nodes) == 0 {
		return errors.New("the catalogue has none; is the name right, and may the token see it?")
	}
	var wrong tally[error]
	for i, node := range nodes {
		if node.Node == "" || node.Address == "" {
			wrong.add(fmt.Errorf("entry %d has no name or no address", i+1))
			continue
		}
		g.add(node.entry(g))
	}
	if len(g.listing.Entries) > maxHosts {
		wrong.add(fmt.Errorf("more than %d hosts", maxHosts))
	}
	return joined(wrong)
}

func (n consulNode) entry(g *gathering) Entry {
	return Entry{Host: engine.Host{
		Name: n.Node, Address: n.Address,
		Groups: append(g.groups(n.ServiceName), g.groups(n.ServiceTags...)...),
		Tags:   g.tags(n.Meta, n.NodeMeta, n.ServiceMeta, map[string]string{"datacenter": n.Datacenter}),
	}}
}
