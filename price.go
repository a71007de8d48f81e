package pylon

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Rao is an amount in the smallest unit of a token: 10⁹ of them are one.
type Rao uint64

// raoPerToken is how many rao one token has.
const raoPerToken = 1e9

// Tokens returns the amount in tokens, as near as a float64 comes to it.
func (r Rao) Tokens() float64 { return float64(r) / raoPerToken }

// RaoOf returns an amount of tokens in rao, rounded to the nearest. One that is negative, not a number or more than a Rao
// holds is an ErrInvalid.
func RaoOf(tokens float64) (Rao, error) {
	rao := math.Round(tokens * raoPerToken)
	if !(rao >= 0 && rao < 1<<64) {
		return 0, &ArgumentError{Argument: "tokens", Detail: strconv.FormatFloat(tokens, 'g', -1, 64) + " is no amount of tokens"}
	}
	return Rao(rao), nil
}

// Price is what one alpha of a subnet costs at a block, in rao of TAO.
type Price struct {
	Block  Block
	Netuid Netuid
	Value  Rao
}

// AppendJSON appends the price in its JSON form.
func (p *Price) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"block":`...)
	dst = p.Block.AppendJSON(dst)
	dst = append(dst, `,"netuid":`...)
	dst = strconv.AppendUint(dst, uint64(p.Netuid), 10)
	dst = append(dst, `,"price":`...)
	dst = appendAmount(dst, p.Value)
	return append(dst, '}')
}

// MarshalJSON returns what AppendJSON appends.
func (p Price) MarshalJSON() ([]byte, error) { return p.AppendJSON(nil), nil }

// amount is the JSON form of an amount.
type amount struct {
	Value *Rao `json:"value"`
}

func appendAmount(dst []byte, value Rao) []byte {
	dst = append(dst, `{"value":`...)
	dst = strconv.AppendUint(dst, uint64(value), 10)
	return append(dst, '}')
}

// UnmarshalJSON reads what AppendJSON writes.
func (p *Price) UnmarshalJSON(data []byte) error {
	var body struct {
		Block  *Block  `json:"block"`
		Netuid *Netuid `json:"netuid"`
		Price  amount  `json:"price"`
	}
	if err := json.Unmarshal(data, &body); err != nil {
		return fmt.Errorf("pylon: price: %w", err)
	}
	if body.Block == nil || body.Netuid == nil || body.Price.Value == nil {
		return errors.New("pylon: price: block, netuid or price is missing")
	}
	*p = Price{Block: *body.Block, Netuid: *body.Netuid, Value: *body.Price.Value}
	return nil
}

// SubnetPrice is the price of one subnet's alpha.
type SubnetPrice struct {
	Netuid Netuid
	Value  Rao
}

// Prices are those of all subnets at one block, by netuid. In JSON they are an object keyed by the netuid as a decimal
// string.
type Prices struct {
	Block  Block
	Prices []SubnetPrice
}

// AppendJSON appends the prices in their JSON form.
func (p *Prices) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"block":`...)
	dst = p.Block.AppendJSON(dst)
	dst = append(dst, `,"prices":{`...)
	for i, price := range p.Prices {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = strconv.AppendUint(dst, uint64(price.Netuid), 10)
		dst = append(dst, `":`...)
		dst = appendAmount(dst, price.Value)
	}
	return append(dst, "}}"...)
}

// MarshalJSON returns what AppendJSON appends.
func (p Prices) MarshalJSON() ([]byte, error) { return p.AppendJSON(nil), nil }

// UnmarshalJSON reads what AppendJSON writes and keeps the order of the object.
func (p *Prices) UnmarshalJSON(data []byte) error {
	read := Prices{Prices: []SubnetPrice{}}
	block, err := readBody(data, "prices", func(key string, value *json.Decoder) error {
		netuid, err := strconv.ParseUint(key, 10, 16)
		if err != nil {
			return err
		}
		var price amount
		if err := value.Decode(&price); err != nil {
			return err
		}
		if price.Value == nil {
			return errors.New("its value is missing")
		}
		read.Prices = append(read.Prices, SubnetPrice{Netuid: Netuid(netuid), Value: *price.Value})
		return nil
	})
	if err != nil {
		return err
	}
	read.Block = block
	*p = read
	return nil
}
