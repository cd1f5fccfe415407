// A Nest caller that uses the module made of the contracts in `tests/it/types.rs`. Prints what it
// received as a line of JSON.

import 'reflect-metadata';
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import { toArray } from 'rxjs/operators';
import { ShopClient } from './shop.js';
import type { Colour, Item, ItemReply, Shape } from './shop.js';

// Without the types of Node.
declare const process: { env: Record<string, string | undefined> };
declare const console: { log(line: string): void };
declare const Buffer: { from(text: string): { toJSON(): { type: 'Buffer'; data: number[] } } };

const all = <T>(values: Observable<T>): Promise<T[]> =>
  (values.pipe(toArray()) as { toPromise(): Promise<T[]> }).toPromise();

async function main(): Promise<void> {
  const options = { host: '127.0.0.1', port: Number(process.env['PORT']) };
  const proxy = ClientProxyFactory.create({ transport: Transport.TCP, options });
  const shop = new ShopClient(proxy);
  const colour: Colour = 'dark-red';
  const item: Item = {
    colour,
    id: '18446744073709551615',
    made: new Date(0),
    picture: Buffer.from('hi'),
    size: [1, 2],
    'unit-price': 2.5,
  };
  const saved: ItemReply[] = await all(shop.save(item));
  const same = { ...item, made: saved[0].made, note: null };
  const shape: Shape = { kind: 'circle', radius: 2 };
  const received = {
    sum: await all(shop.sum([1, 2.5])),
    ping: await all(shop.ping()),
    ticks: await all(shop.ticks(3)),
    saved,
    again: await all(shop.save(same)),
    digits: saved[0].id.length,
    found: await all(shop.find({ key: 'nothing' })),
    area: await all(shop.area(shape)),
    nothing: await all(shop.forget('tea')),
    log: await all(shop.logged({ tea: 2 })),
    bytes: saved[0].picture.data,
  };
  console.log(JSON.stringify(received));
  proxy.close();
}

// Each of these lines is a mistake, which the compiler finds.
export function mistakes(shop: ShopClient): void {
  // @ts-expect-error a text in place of a number
  shop.sum(['1']);
  // @ts-expect-error no data
  shop.sum();
  // @ts-expect-error data where there is none
  shop.ping({});
  // @ts-expect-error a colour that does not exist
  shop.area({ kind: 'circle', colour: 'blue' });
  // @ts-expect-error a shape without its radius
  shop.area({ kind: 'circle' });
  // @ts-expect-error a member that has another name
  shop.find({ kye: 'tea' });
  // @ts-expect-error a reply of another type
  const sums: Observable<string> = shop.sum([1]);
  // @ts-expect-error a member that may be null
  shop.find({ key: 'tea' }).subscribe((found) => found.colour);
  // @ts-expect-error a date in a reply is text
  shop.save({} as Item).subscribe((item) => item.made.getTime());
  // @ts-expect-error no such pattern
  shop.remove('tea');
  void sums;
}

void main();
