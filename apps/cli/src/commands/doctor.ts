export default { help: '', run: async () => 0 }
