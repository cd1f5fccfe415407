// Decorators by hand: applies what TypeScript compiles `@X` to, for plain JavaScript classes.
//
//     @Controller()                              decorate(AppController, Controller(), {
//     class AppController {                        sum: [MessagePattern('sum'), Payload()],
//       @MessagePattern('sum')                   });
//       sum(@Payload() numbers) { … }
//     }

/**
 * Applies Nest's decorators to `target`. In `members`, a method's name stands with its own decorator, then one for
 * each parameter; `constructor` stands with those of its parameters alone.
 */
export function decorate(target, classDecorator, members = {}) {
  for (const [name, decorators] of Object.entries(members)) {
    if (name === 'constructor') {
      decorateParameters(target, undefined, decorators);
    } else {
      decorateMethod(target.prototype, name, decorators);
    }
  }
  classDecorator(target);
}

function decorateMethod(prototype, name, [methodDecorator, ...parameterDecorators]) {
  decorateParameters(prototype, name, parameterDecorators);
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  Object.defineProperty(prototype, name, methodDecorator(prototype, name, descriptor) ?? descriptor);
}

function decorateParameters(owner, name, decorators) {
  // TypeScript's `emitDecoratorMetadata` names each parameter's type: `Object` if there is nothing
  // more specific.
  Reflect.defineMetadata('design:paramtypes', decorators.map(() => Object), owner, name);
  decorators.forEach((decorator, index) => decorator(owner, name, index));
}
