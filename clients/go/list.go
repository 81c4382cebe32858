package notifyd

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// A List iterates over all pages of a list; the next page is asked for when somebody wants of it.
//
//	for list := client.List(filter); list.Next(ctx); {
//		use(list.Item())
//	}
type List[T any] struct {
	client *Client
	path   string
	query  url.Values
	items  []T
	item   T
	ended  bool
	err    error
}

// Next comes to the next item; false at the end, or where there is an error.
func (l *List[T]) Next(ctx context.Context) bool {
	for len(l.items) == 0 {
		if l.ended || l.err != nil {
			return false
		}
		var page struct {
			Items []T     `json:"items"`
			Next  *string `json:"next"`
		}
		got, err := ask(ctx, l.client, &call{method: http.MethodGet, path: l.path, query: l.query, repeatable: true, needs: "items"}, nil, &page)
		if err != nil {
			l.err = err
			return false
		}
		l.items, l.ended = got.Items, got.Next == nil
		if got.Next != nil {
			l.query.Set("cursor", *got.Next)
		}
	}
	l.item, l.items = l.items[0], l.items[1:]
	return true
}

// Item is the one that Next came to.
func (l *List[T]) Item() T { return l.item }

// Err is why Next was false before the end, else nil.
func (l *List[T]) Err() error { return l.err }

// Filters say which notifies are listed; all that are given must hold. See the API's GET /v1/notifies.
type Filters struct {
	Filter
	Order string // "oldest" first, or "newest", as without it
	Limit int    // of a page: 1 to 1,000; 0: 100
}

// List iterates over notifies, newest first.
func (c *Client) List(filters Filters) *List[ListedNotify] {
	query, err := queryOf(filters.Filter)
	if err != nil {
		return &List[ListedNotify]{err: &Error{Kind: ErrArgument, Err: err}}
	}
	if filters.Order != "" {
		query.Set("order", filters.Order)
	}
	return listOf[ListedNotify](c, "/notifies", query, filters.Limit)
}

// queryOf writes a filter as a query: several states with commas, labels one by one.
func queryOf(filter Filter) (url.Values, error) {
	text, err := marshal(filter)
	if err != nil {
		return nil, err
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	query := url.Values{}
	for name, field := range fields {
		var one string
		var several []string
		if json.Unmarshal(field, &one) == nil {
			query.Set(name, one)
		} else if json.Unmarshal(field, &several) == nil && name == "label" {
			query[name] = several
		} else {
			query.Set(name, strings.Join(several, ","))
		}
	}
	return query, nil
}

// Lanes iterates over the lanes that have pending notifies or settings, by name, those whose names begin with prefix. limit is of a page; 0: 100.
func (c *Client) Lanes(prefix string, limit int) *List[Lane] {
	query := url.Values{}
	if prefix != "" {
		query.Set("prefix", prefix)
	}
	return listOf[Lane](c, "/lanes", query, limit)
}

// Groups iterates over groups, newest first. limit is of a page; 0: 100.
func (c *Client) Groups(limit int) *List[GroupRow] {
	return listOf[GroupRow](c, "/groups", url.Values{}, limit)
}

func listOf[T any](c *Client, path string, query url.Values, limit int) *List[T] {
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	return &List[T]{client: c, path: path, query: query}
}
